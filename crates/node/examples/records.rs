//! Writes down for JavaScript what both ends of the bridge have to agree on, into the file that is named, if that is not
//! what it says already. The build runs it: `scripts/setup.mjs`.

#[allow(
    dead_code,
    reason = "only the rows matter here, not what the crate does with them"
)]
#[path = "../src/records.rs"]
mod records;

use std::fmt::Write;
use std::{env, fs, io};

use gev_wire::{CloseCause, FrameFault, Row};
use records::{GROUPS, Group};

fn main() -> io::Result<()> {
    let file = env::args().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let text = typescript();
    if fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(file, text)
}

fn typescript() -> String {
    let mut out = String::from(HEAD);
    let version = records::version();
    document(&mut out, "", &[" Of the addon that knows the same."]);
    line(
        &mut out,
        &format!("export const RECORDS_VERSION = \"{version}\";"),
    );
    for group in GROUPS {
        line(&mut out, &format!("\n// {}.\n", group.title));
        for row in group.rows {
            number(&mut out, group, row);
        }
    }
    names(&mut out);
    out
}

fn number(out: &mut String, group: &Group, row: &Row) {
    document(out, "", row.doc);
    let (prefix, name) = (group.prefix, constant_name(row.name));
    let value = u64::from(row.number) * u64::from(group.unit);
    line(out, &format!("export const {prefix}{name} = {value};"));
}

/// What has names that users get to see, by its numbers.
fn names(out: &mut String) {
    named(
        out,
        ("CloseCause", "What started the end of a connection."),
        ("CLOSE_CAUSES", "Causes by their numbers."),
        CloseCause::ROWS,
    );
    named(
        out,
        ("FrameFault", "What is wrong with a frame."),
        ("FRAME_FAULTS", "The same by their numbers."),
        FrameFault::ROWS,
    );
}

/// A type and a list, each with its documentation.
fn named(out: &mut String, of_type: (&str, &str), of_list: (&str, &str), rows: &[Row]) {
    let (name, doc) = of_type;
    line(out, &format!("\n/** {doc} */"));
    line(out, &format!("export type {name} ="));
    let last = rows.len() - 1;
    for (at, row) in rows.iter().enumerate() {
        document(out, "\t", row.doc);
        let end = if at == last { ";" } else { "" };
        line(out, &format!("\t| \"{}\"{end}", camel_case(row.name)));
    }
    let (list, doc) = of_list;
    line(out, &format!("\n/** {doc} */"));
    line(out, &format!("export const {list} = ["));
    for row in rows {
        line(out, &format!("\t\"{}\",", camel_case(row.name)));
    }
    line(out, &format!("] as const satisfies readonly {name}[];"));
}

/// `suchAName` for `SuchAName`.
fn camel_case(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

fn document(out: &mut String, indent: &str, doc: &[&str]) {
    if let [only] = doc {
        return line(out, &format!("{indent}/**{only} */"));
    }
    line(out, &format!("{indent}/**"));
    for text in doc {
        line(out, &format!("{indent} *{text}"));
    }
    line(out, &format!("{indent} */"));
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a string takes all");
}

/// `SUCH_A_NAME` for `SuchAName`.
fn constant_name(name: &str) -> String {
    if !name.contains(char::is_lowercase) {
        return name.to_owned();
    }
    let mut constant = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_uppercase() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

const HEAD: &str = "\
// Generated from crates/node/src/records.rs by the build (crates/node/examples/records.rs), do not edit.
//
// What both ends of the bridge have to agree on. What lies where in a loop's memory: crates/node/src/memory.rs.

";
