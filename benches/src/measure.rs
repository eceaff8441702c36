//! Ratios on a noisy machine: both sides work in turns, so that what slows one slows the other.

use std::time::{Duration, Instant};

use crate::{Contest, Work};

/// How long one turn lasts, about: long beside the clock's resolution, short beside what disturbs.
const TURN: Duration = Duration::from_micros(400);

const TURNS: usize = 1001;

/// What a comparison has found: medians over all turns.
struct Comparison {
    /// Nanoseconds of h1-core for the work.
    ours: f64,
    /// Nanoseconds of the rival.
    theirs: f64,
    /// h1-core's time as a part of the rival's in the turns next to each other.
    ratio: f64,
}

/// Measures all contests and prints a line for each rival.
pub fn table(contests: &mut [Contest]) {
    println!("| work | bytes | h1-core | rival | | ratio | target | |");
    println!("|---|---|---|---|---|---|---|---|");
    for contest in contests {
        for rival in &mut contest.rivals {
            let found = compare(&mut contest.ours, &mut rival.work);
            let (target, verdict) = match rival.target {
                Some(target) if found.ratio <= target => (target.to_string(), "met"),
                Some(target) => (target.to_string(), "**missed**"),
                None => (String::new(), ""),
            };
            println!(
                "| {} | {} | {} | {} | {} | {:.3} | {target} | {verdict} |",
                contest.name,
                contest.bytes,
                time(found.ours),
                rival.name,
                time(found.theirs),
                found.ratio,
            );
        }
    }
}

fn compare(ours: &mut Work, theirs: &mut Work) -> Comparison {
    let (our_batch, their_batch) = (batch(ours), batch(theirs));
    let (our_times, their_times): (Vec<f64>, Vec<f64>) = (0..TURNS)
        .map(|_| (each(ours, our_batch), each(theirs, their_batch)))
        .unzip();
    let pairs = our_times.iter().zip(&their_times);
    Comparison {
        ratio: median(pairs.map(|(ours, theirs)| ours / theirs).collect()),
        ours: median(our_times),
        theirs: median(their_times),
    }
}

/// How often the work is to be done in a turn. Warms up on the way.
fn batch(work: &mut Work) -> u32 {
    let mut times = 1;
    loop {
        let took = each(work, times) * f64::from(times);
        if took >= TURN.as_nanos() as f64 {
            return times;
        }
        times *= 2;
    }
}

/// Nanoseconds for doing the work once, averaged over `times`.
fn each(work: &mut Work, times: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1000.0 => format!("{nanoseconds:.0} ns"),
        _ => format!("{:.2} µs", nanoseconds / 1000.0),
    }
}
