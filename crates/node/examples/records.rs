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

use gev_wire::{CloseCause, Row};
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

/// Causes by their names, which users get to see.
fn names(out: &mut String) {
    let names = || CloseCause::ROWS.iter().map(|row| row.name.to_lowercase());
    line(out, "\n/** What started the end of a connection. */");
    line(out, "export type CloseCause =");
    let last = CloseCause::ROWS.len() - 1;
    for (at, (row, name)) in CloseCause::ROWS.iter().zip(names()).enumerate() {
        document(out, "\t", row.doc);
        let end = if at == last { ";" } else { "" };
        line(out, &format!("\t| \"{name}\"{end}"));
    }
    line(out, "\n/** Causes by their numbers. */");
    line(out, "export const CLOSE_CAUSES = [");
    for name in names() {
        line(out, &format!("\t\"{name}\","));
    }
    line(out, "] as const satisfies readonly CloseCause[];");
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
