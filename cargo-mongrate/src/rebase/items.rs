//! Merges two versions of a source file to which both sides added items.

use std::collections::BTreeMap;

use quote::ToTokens as _;
use syn::{File, Item, spanned::Spanned as _};

/// The text of one side with the items that only the other side has. `mod` lines are added after
/// the other `mod` lines, and other items at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) text: String,
    /// The names of the items that were added.
    pub(crate) added: Vec<String>,
    /// The modules whose `mod` lines were left out, as they have no file.
    pub(crate) dropped: Vec<String>,
}

/// An item with the text that belongs to it, its comments and attributes included.
struct Piece<'a> {
    tokens: String,
    name: Option<String>,
    is_mod_line: bool,
    text: &'a str,
    /// The position after its last line.
    end: usize,
}

/// Adds the items of `add` to `keep`. `has_file` says whether the file of a `mod` line exists. If
/// it does not, the line is older than the file's present name.
///
/// # Errors
///
/// Says what needs a human decision.
pub(crate) fn merge(
    keep: &str,
    add: &str,
    has_file: impl Fn(&str) -> bool,
) -> Result<Merged, String> {
    let (kept, mine) = (pieces(keep)?, pieces(add)?);
    let (mut new, mut dropped): (Vec<&Piece<'_>>, Vec<String>) = (Vec::new(), Vec::new());
    for piece in &mine {
        if kept.iter().any(|other| other.tokens == piece.tokens) {
            continue;
        }
        let Some(name) = &piece.name else {
            let first = piece.text.trim().lines().next().unwrap_or_default();
            return Err(format!("both sides changed the file around `{first}`"));
        };
        if kept.iter().any(|other| other.name.as_ref() == Some(name)) {
            return Err(format!("both sides have a {name}, with different contents"));
        }
        match piece.mod_line() {
            Some(module) if !has_file(module) => dropped.push(module.to_owned()),
            _ => new.push(piece),
        }
    }
    let modules: Vec<String> =
        new.iter().filter_map(|piece| piece.mod_line()).map(str::to_owned).collect();
    let added = new.iter().filter_map(|piece| piece.name.clone()).collect();
    let (lines, others): (Vec<&Piece<'_>>, Vec<_>) =
        new.into_iter().partition(|piece| piece.is_mod_line);
    let newline = if keep.contains("\r\n") { "\r\n" } else { "\n" };

    let last_mod = kept.iter().rev().find(|piece| piece.is_mod_line).map(|piece| piece.end);
    let mods_at = last_mod.unwrap_or_else(|| kept.first().map_or(keep.len(), start));
    // New items go before a test module at the end of the file.
    let end = match kept.last() {
        Some(last) if last.text.contains("#[cfg(test)]") => start(last),
        _ => keep.len(),
    };
    let (above, rest) = keep.split_at(mods_at);
    let (middle, below) = rest.split_at(end.saturating_sub(mods_at));
    let mut text = above.to_owned();
    if !lines.is_empty() && !text.is_empty() && !text.ends_with('\n') {
        text += newline;
    }
    for piece in lines {
        text += piece.text.trim_matches(['\n', '\r']);
        text += newline;
    }
    text += middle;
    for piece in &others {
        text.truncate(text.trim_end().len());
        text += &format!("{newline}{newline}{}{newline}", piece.text.trim_matches(['\n', '\r']));
    }
    if !others.is_empty() && !below.is_empty() {
        text += newline;
        text += below.trim_start_matches(['\n', '\r']);
    } else {
        text += below;
    }
    let text = sorted_mod_lines(&text, &modules);
    syn::parse_file(&text).map_err(|error| format!("both sides together do not parse: {error}"))?;
    let is_dropped = |line: &str| mod_name(line).is_some_and(|name| dropped.contains(&name.into()));
    for (side, owner) in [(add, "your side"), (keep, "their side")] {
        if let Some(line) = lost(side, &text).find(|line| !is_dropped(line)) {
            return Err(format!("the line `{line}` of {owner} would be lost"));
        }
    }
    Ok(Merged { text, added, dropped })
}

/// The lines of `side` that are missing in the merged text. Empty lines do not count.
fn lost<'a>(side: &'a str, merged: &str) -> impl Iterator<Item = &'a str> {
    let lines = |text: &'a str| text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for line in merged.lines().map(str::trim) {
        *left.entry(line.to_owned()).or_default() += 1;
    }
    lines(side).filter(move |line| match left.get_mut(*line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

impl Piece<'_> {
    /// The name of the module, if this is a `mod` line without a `path` attribute.
    fn mod_line(&self) -> Option<&str> {
        let name = self.name.as_deref().filter(|_| self.is_mod_line)?;
        let name = name.trim_start_matches("module `").trim_end_matches('`');
        Some(name).filter(|_| !self.text.contains("#[path"))
    }
}

fn start(piece: &Piece<'_>) -> usize {
    piece.end - piece.text.len()
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    if text.starts_with('\u{feff}') || (text.starts_with("#!") && !text.starts_with("#![")) {
        return Err("it begins with a byte order mark or a `#!` line".to_owned());
    }
    let file: File = syn::parse_file(text).map_err(|error| {
        format!("one side alone does not parse (its line {}: {error})", error.span().start().line)
    })?;
    let mut at = file.attrs.last().map_or(0, |last| line_end(text, last.span().byte_range().end));
    let mut pieces = Vec::new();
    for item in &file.items {
        let end = line_end(text, item.span().byte_range().end);
        let is_mod_line = matches!(item, Item::Mod(module) if module.content.is_none());
        pieces.push(Piece {
            tokens: item.to_token_stream().to_string(),
            name: name(item),
            is_mod_line,
            text: &text[at.min(end)..end],
            end,
        });
        at = end;
    }
    Ok(pieces)
}

/// The position after the line, if only a comment follows; or else the same position.
fn line_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
    let tail = rest[..line].trim();
    if tail.is_empty() || tail.starts_with("//") { at + line } else { at }
}

/// Kind and name of an item: `` module `m1_users` ``. `None` for an item that has no name.
fn name(item: &Item) -> Option<String> {
    let named = |what: &str, name: &syn::Ident| Some(format!("{what} `{name}`"));
    match item {
        Item::Const(item) if item.ident != "_" => named("constant", &item.ident),
        Item::Enum(item) => named("type", &item.ident),
        Item::Fn(item) => named("function", &item.sig.ident),
        Item::Mod(item) => named("module", &item.ident),
        Item::Static(item) => named("static", &item.ident),
        Item::Struct(item) => named("type", &item.ident),
        Item::Trait(item) => named("type", &item.ident),
        Item::Type(item) => named("type", &item.ident),
        _ => None,
    }
}

/// Sorts the `mod` lines of a text as rustfmt does, if they are sorted already but for the modules
/// in `moved`.
pub(crate) fn sorted_mod_lines(text: &str, moved: &[String]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut sorted = String::with_capacity(text.len());
    let mut index = 0;
    while index < lines.len() {
        let run = lines[index..].iter().take_while(|line| mod_name(line).is_some()).count();
        let mut run_lines = lines[index..index + run.max(1)].to_vec();
        let names: Vec<&str> = run_lines.iter().filter_map(|line| mod_name(line)).collect();
        let others: Vec<&&str> =
            names.iter().filter(|name| !moved.iter().any(|module| module == **name)).collect();
        let all_end = run_lines.iter().all(|line| line.ends_with('\n'));
        if run > 1 && others.is_sorted() && all_end {
            run_lines.sort_by(|a, b| mod_name(a).cmp(&mod_name(b)));
        }
        sorted.extend(run_lines);
        index += run.max(1);
    }
    sorted
}

/// The name in a line that is nothing but `mod name;`.
fn mod_name(line: &str) -> Option<&str> {
    let line = line.trim();
    let at = line.find("mod ")?;
    let (before, rest) = line.split_at(at);
    if !(before.is_empty() || before.starts_with("pub") && before.ends_with(' ')) {
        return None;
    }
    let name = rest.strip_prefix("mod ")?.strip_suffix(';')?.trim();
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    //! Changes of both sides that are kept, and changes that need a human decision.

    use super::*;

    fn merged(keep: &str, add: &str) -> String {
        merge(keep, add, |_| true).unwrap().text
    }

    #[test]
    fn mod_lines_of_both_sides_are_kept() {
        let (base, theirs, mine) = ("//! All.\nmod m1;\n", "mod m2_a;\n", "pub mod m2_b; // b\n");
        let text = merged(&format!("{base}{theirs}"), &format!("{base}{mine}"));
        assert_eq!(text, "//! All.\nmod m1;\nmod m2_a;\npub mod m2_b; // b\n");
        assert_eq!(merged("//! All.\n", "//! All.\nmod a;\n"), "//! All.\nmod a;\n");
        let main = "mod m1;\nmod m2;\n\nfn main() {}\n";
        assert_eq!(
            merged(main, "mod m1;\nmod m3;\n\nfn main() {}\n"),
            "mod m1;\nmod m2;\nmod m3;\n\nfn main() {}\n"
        );
        assert_eq!(merged("mod a;\r\n", "mod b;\r\n"), "mod a;\r\nmod b;\r\n");
        assert_eq!(merged("mod a;", "mod b;"), "mod a;\nmod b;\n");
    }

    #[test]
    fn a_line_without_a_file_is_dropped() {
        let merged =
            merge("mod m5_a;\n", "mod m1_a;\nmod m2_b;\n", |module| module != "m1_a").unwrap();
        assert_eq!(merged.text, "mod m2_b;\nmod m5_a;\n");
        assert_eq!(merged.dropped, ["m1_a"]);
    }

    #[test]
    fn functions_of_both_sides_are_kept_with_their_comments() {
        let base = "use a::b;\n\nfn one() {}\n";
        let tests = "\n#[cfg(test)]\nmod tests {}\n";
        let mine = "\n// Why.\n/// Documented.\n#[x]\nfn two() {\n    1; // one\n}\n";
        let theirs = "\nfn three() {}\n";
        assert_eq!(
            merged(&format!("{base}{theirs}"), &format!("{base}{mine}")),
            format!("{base}{theirs}{mine}")
        );
        assert_eq!(
            merged(&format!("{base}{theirs}{tests}"), &format!("{base}{mine}{tests}")),
            format!("{base}{theirs}{mine}{tests}")
        );
        assert_eq!(merge(base, base, |_| true).unwrap().text, base);
    }

    #[test]
    fn what_both_sides_changed_is_refused() {
        let why = |keep, add| merge(keep, add, |_| true).unwrap_err();
        assert!(why("fn a() {}", "fn a() { 1; }").contains("both sides have a function `a`"));
        assert!(why("use a::b;", "use a::{b, c};").contains("around `use a::{b, c};`"));
        assert!(why("fn a() {", "fn b() {}").contains("does not parse"));
        let problem = why("mod a;\nmod b;\n", "mod a;\n// Mine.\n");
        assert_eq!(problem, "the line `// Mine.` of your side would be lost");
        let problem = why("//! A.\nmod a;\n", "//! B.\nmod b;\n");
        assert!(problem.contains("`//! B.` of your side would be lost"));
    }

    #[test]
    fn mod_lines_are_in_order_where_they_were() {
        let moved = ["m7_mine".to_owned()];
        assert_eq!(
            sorted_mod_lines("//!\nmod m7_mine;\nmod m6_theirs;\n\nfn x() {}\n", &moved),
            "//!\nmod m6_theirs;\nmod m7_mine;\n\nfn x() {}\n"
        );
        let unsorted = "mod b;\nmod m7_mine;\nmod a;\n";
        assert_eq!(sorted_mod_lines(unsorted, &moved), unsorted);
        let documented = "/// Doc.\nmod m7_mine;\n/// Doc.\nmod m6_theirs;\n";
        assert_eq!(
            sorted_mod_lines(documented, &moved),
            documented,
            "a documented line stays with its comment"
        );
    }
}
