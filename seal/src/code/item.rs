//! The text of an item, as a hash that its layout does not change.

use std::{fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, LitStr, Type, ext::IdentExt as _};

use super::{
    fault::Fault,
    file::{Kind, described},
    item_text::ItemText,
    modules::Code,
    resolve::Target,
};
use crate::{attribute::is_for_tests, checksum, text::Text};

impl Code {
    /// Returns the hash of an item's text, whatever its layout, its comments and its visibility.
    ///
    /// The text of a type includes the `impl` blocks for the type in its own module. If a `cfg` chooses
    /// between several items of one name, the text is that of all of them, so that it does not depend
    /// on features. A file that the text includes by `include_str!` or `include_bytes!` is part of it.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the name of an included file is no literal.
    pub fn item(&mut self, target: &Target) -> Result<ItemText, Fault> {
        let key = (target.file.clone(), target.inline.clone(), target.name.clone());
        if let Some(known) = self.items.get(&key) {
            return Ok(known.clone());
        }
        let unread = |why: String| Fault::Unread { file: target.file.clone(), why };
        let text = self.text(&target.file)?;
        let text = Text::new(&text);
        let file = syn::parse_file(text.as_str()).map_err(|error| unread(error.to_string()))?;
        let items = inside(&file.items, &target.inline).unwrap_or_default();
        let parts: Vec<&Item> = items.iter().filter(|item| belongs(item, target)).collect();
        let mut files = vec![target.file.clone()];
        let mut included = Vec::new();
        for part in &parts {
            for name in includes(part.to_token_stream()).map_err(unread)? {
                let path = target.file.parent().unwrap_or(Path::new("")).join(name);
                let bytes = fs::read(&path)
                    .map_err(|why| Fault::Unread { file: path.clone(), why: why.to_string() })?;
                included.push(bytes);
                files.push(path);
            }
        }
        let parts = parts.into_iter().cloned().collect();
        let found = ItemText { hash: checksum::of_items(parts, &included), files };
        self.items.insert(key, found.clone());
        Ok(found)
    }
}

/// Returns the items of an inline module.
fn inside<'i>(items: &'i [Item], inline: &[String]) -> Option<&'i [Item]> {
    let Some((first, rest)) = inline.split_first() else { return Some(items) };
    items.iter().find_map(|item| match item {
        Item::Mod(module) if module.ident.unraw() == first.as_str() => {
            inside(&module.content.as_ref()?.1, rest)
        }
        _ => None,
    })
}

/// Whether an item of the target's module is the target, or an `impl` of it.
fn belongs(item: &Item, target: &Target) -> bool {
    match item {
        Item::Impl(block) if target.kind == Kind::Type => {
            let Type::Path(path) = &*block.self_ty else { return false };
            let last = path.path.segments.last();
            let is_its = last.is_some_and(|last| last.ident.unraw() == target.name.as_str());
            is_its && !is_for_tests(&block.attrs)
        }
        other => described(other).is_some_and(|(name, _, attributes)| {
            name.unraw() == target.name.as_str() && !is_for_tests(attributes)
        }),
    }
}

/// Returns the names in every `include_str!` and `include_bytes!`.
fn includes(stream: TokenStream) -> Result<Vec<String>, String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut names = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        match (tree, trees.get(at + 1), trees.get(at + 2)) {
            (
                TokenTree::Ident(word),
                Some(TokenTree::Punct(bang)),
                Some(TokenTree::Group(input)),
            ) if bang.as_char() == '!' && (word == "include_str" || word == "include_bytes") => {
                let name = syn::parse2::<LitStr>(input.stream()).map_err(|_| {
                    format!("the name of the file in `{word}!` is not a literal, so the file is not found")
                })?;
                names.push(name.value());
            }
            (TokenTree::Group(group), ..) => names.extend(includes(group.stream())?),
            _ => {}
        }
    }
    Ok(names)
}
