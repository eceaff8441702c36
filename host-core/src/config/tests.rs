//! The documents in `tests/config` as tests: each `nginx` block is a configuration, the block behind
//! it what comes of it. `UPDATE=1 cargo test -p host-core` writes those anew; the review is reading
//! the difference.
//!
//! The words behind `nginx` are the block that the text stands in (`http` or `server`),
//! `root` for who reads it, and `differs` where
//! nginx does not take the text. `# file NAME` starts another file. Behind it stands a `diagnostics` block, or a `model` block whose words are what is shown of the model.

mod coverage;
mod expires;
mod limits;
mod nginx;
mod patterns;
mod show;
mod values;
mod world;

use std::path::Path;
use std::{env, fs};

use super::{Config, Diagnostics, Overrides, load};
use world::World;

const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config");

#[test]
fn documents() {
    let mut files: Vec<_> = fs::read_dir(DOCUMENTS)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in files {
        let document = fs::read_to_string(&file).unwrap();
        let rewritten = rewrite(&document);
        if rewritten == document {
            continue;
        }
        match env::var_os("UPDATE") {
            Some(_) => fs::write(&file, rewritten).unwrap(),
            None => wrong.push(difference(&file, &document, &rewritten)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// The first place where the documents differ.
fn difference(file: &Path, old: &str, new: &str) -> String {
    let name = file.file_name().unwrap().display();
    let mut lines = old.lines().zip(new.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((n, (old, new))) => {
            format!("\n{name}:{}\n  expected {old}\n  is       {new}", n + 1)
        }
        None => format!("\n{name} has another length"),
    }
}

/// A block of a document.
struct Block {
    info: Vec<String>,
    text: String,
}

/// The blocks of a document, each pair a configuration and what is expected of it.
fn pairs(document: &str) -> Vec<(Block, Block)> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block {
                info: info.split(' ').map(str::to_owned).collect(),
                text: text.iter().map(|line| format!("{line}\n")).collect(),
            });
        }
    }
    let mut blocks = blocks.into_iter();
    let mut pairs = Vec::new();
    while let Some(config) = blocks.next() {
        assert_eq!(config.info[0], "nginx", "{}", config.text);
        pairs.push((config, blocks.next().unwrap()));
    }
    pairs
}

/// The document with its expectations as they are.
fn rewrite(document: &str) -> String {
    let mut out = String::new();
    let mut answers = pairs(document).into_iter().map(|pair| answer(&pair));
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match info.starts_with("nginx") {
            true => out.extend(block.iter().map(|line| format!("{line}\n"))),
            false => out.push_str(&answers.next().unwrap()),
        }
        out.push_str("```\n");
    }
    out
}

fn answer((config, expected): &(Block, Block)) -> String {
    let loaded = read(config);
    match (expected.info[0].as_str(), loaded) {
        ("diagnostics", Ok((_, warnings))) => warnings.to_string(),
        ("diagnostics", Err(errors)) => errors.to_string(),
        ("model", Ok((config, _))) => show::model(&config.model, &expected.info[1..]),
        ("model", Err(errors)) => errors.to_string(),
        (info, _) => panic!("a block of {info}"),
    }
}

fn read(block: &Block) -> Result<(Config, Diagnostics), Diagnostics> {
    let mut parts = block.text.split("# file ");
    let main = parts.next().unwrap();
    let has = |word: &str| block.info.iter().any(|info| info == word);
    let mut world = World {
        root: has("root"),
        ..World::default()
    };
    world.add(world::MAIN, wrap(block, main));
    for part in parts {
        let (name, text) = part.split_once('\n').unwrap();
        world.add(&format!("/etc/nginx/{name}"), text);
    }
    let overrides = Overrides::default();
    load(&world, world::MAIN.as_ref(), &overrides)
}

/// Text in the blocks that it should stand in.
fn wrap(block: &Block, text: &str) -> String {
    let has = |word: &str| block.info.iter().any(|info| info == word);
    let (front, back) = match () {
        () if has("http") => ("events { }\nhttp {\n", "}\n"),
        () if has("server") => ("events { }\nhttp {\nserver {\n", "}}\n"),
        () => ("", ""),
    };
    format!("{front}{text}{back}")
}

/// Reads a configuration of one file.
fn read_text(text: &str) -> Result<(Config, Diagnostics), Diagnostics> {
    let mut world = World::default();
    world.add(world::MAIN, text);
    load(&world, world::MAIN.as_ref(), &Overrides::default())
}
