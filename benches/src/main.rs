//! Does a piece of work a number of times, for tools that count; without arguments, lists it all.
//!
//! `benches WORK WHO TIMES`

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => list(),
        [work, who, times] => match times.parse() {
            Ok(times) if repeat(work, who, times) => {}
            _ => return usage(),
        },
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn list() {
    for mut contest in benches::contests() {
        let name = contest.name;
        contest
            .contenders()
            .for_each(|(who, _)| println!("{name}\t{who}"));
    }
}

fn repeat(work: &str, who: &str, times: u32) -> bool {
    let mut contests = benches::contests();
    let Some(contest) = contests.iter_mut().find(|contest| contest.name == work) else {
        return false;
    };
    let Some((_, work)) = contest.contenders().find(|(name, _)| *name == who) else {
        return false;
    };
    (0..times).for_each(|_| work());
    true
}

fn usage() -> ExitCode {
    eprintln!("usage: benches [WORK WHO TIMES]");
    ExitCode::FAILURE
}
