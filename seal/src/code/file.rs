//! What one file declares: its items, imports and modules by name. Plain data, without a syntax tree.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::{Expr, Ident, Item, ItemUse, Lit, Meta, UseTree, Visibility, ext::IdentExt as _};

use crate::{attribute::is_for_tests, text::Text};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A function.
    Function,
    /// A struct, an enum, a union or an alias.
    Type,
    /// A trait.
    Trait,
    /// A constant or a static.
    Constant,
    /// A macro of `macro_rules!`.
    Macro,
}

impl Kind {
    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Type => "type",
            Self::Trait => "trait",
            Self::Constant => "constant",
            Self::Macro => "macro",
        }
    }
}

/// An item of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is.
    pub kind: Kind,
    /// The line, counted from 1; 0 in a macro, which needs no lines.
    pub line: usize,
    /// Whether it has no `pub` of any kind.
    pub is_private: bool,
    /// Whether it is a macro that the whole crate sees at its root.
    pub is_exported: bool,
    /// Whether it has an attribute that may be a macro.
    pub is_attributed: bool,
    /// The names of a trait's functions.
    pub functions: Vec<String>,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name that it gives; `None` for `as _`.
    pub name: Option<String>,
    /// The path that it leads to. It begins with an empty part if the path begins with `::`.
    pub path: Vec<String>,
    /// Whether it has no `pub` of any kind.
    pub is_private: bool,
    /// The line, counted from 1; 0 in a macro.
    pub line: usize,
}

/// How a module is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// `mod x { … }`
    Inline,
    /// `mod x;`, perhaps with `#[path = "…"]`.
    File(Option<String>),
}

/// One module.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The items by name; more than one if a `cfg` chooses.
    pub(super) items: BTreeMap<String, Vec<Named>>,
    pub(super) imports: Vec<Import>,
    /// The paths of `use x::*`.
    pub(super) globs: Vec<Import>,
    pub(super) modules: BTreeMap<String, Declared>,
    /// The macros that are called among the items.
    pub(super) macros: Vec<String>,
}

/// One file: its module and the inline modules in it, by their path within the file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) scopes: BTreeMap<Vec<String>, Scope>,
}

/// Returns the line of a place.
pub(crate) fn line(span: Span) -> usize {
    #[cfg(feature = "sources")]
    return span.start().line;
    #[cfg(not(feature = "sources"))]
    {
        let _ = span;
        0
    }
}

impl File {
    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = Text::new(text);
        let parsed = syn::parse_file(text.as_str()).map_err(|error| error.to_string())?;
        let mut file = Self::default();
        file.enter(&parsed.items, &mut Vec::new());
        Ok(file)
    }

    fn enter(&mut self, items: &[Item], inline: &mut Vec<String>) {
        let mut scope = Scope::default();
        for item in items {
            match item {
                Item::Use(item) => scope.import(item),
                Item::Mod(module) => {
                    let name = module.ident.unraw().to_string();
                    let is_second = scope.modules.contains_key(&name);
                    if is_second && is_for_tests(&module.attrs) {
                        continue;
                    }
                    let declared = match &module.content {
                        Some((_, items)) => {
                            inline.push(name.clone());
                            self.enter(items, inline);
                            inline.pop();
                            Declared::Inline
                        }
                        None => Declared::File(module.attrs.iter().find_map(path_of)),
                    };
                    scope.modules.insert(name, declared);
                }
                Item::Macro(call) if call.ident.is_none() => {
                    let name = call.mac.path.segments.last();
                    scope.macros.extend(name.map(|name| name.ident.unraw().to_string()));
                }
                other => scope.item(other),
            }
        }
        self.scopes.insert(inline.clone(), scope);
    }

    /// Returns the modules of the file in which a function of this name is. If there are several,
    /// those in which it has an attribute.
    pub(super) fn modules_of(&self, function: &str) -> Vec<&Vec<String>> {
        let found = |is_attributed: bool| {
            let all = self.scopes.iter().filter(move |(_, scope)| {
                scope.items.get(function).into_iter().flatten().any(|item| {
                    item.kind == Kind::Function && (item.is_attributed || !is_attributed)
                })
            });
            all.map(|(module, _)| module).collect::<Vec<_>>()
        };
        let all = found(false);
        if all.len() > 1 { found(true) } else { all }
    }
}

impl Scope {
    fn item(&mut self, item: &Item) {
        let Some((name, kind, attributes)) = described(item) else { return };
        if is_for_tests(attributes) {
            return;
        }
        let is_exported =
            attributes.iter().any(|attribute| attribute.path().is_ident("macro_export"));
        let is_attributed =
            attributes.iter().any(|attribute| !crate::built_in::is_advice_path(attribute.path()));
        let functions = match item {
            Item::Trait(item) => item.items.iter().filter_map(function_of_trait).collect(),
            _ => Vec::new(),
        };
        let line = line(name.span());
        let is_private = kind != Kind::Macro && is_private(item);
        let named = Named { kind, line, is_private, is_exported, is_attributed, functions };
        self.items.entry(name.unraw().to_string()).or_default().push(named);
    }

    fn import(&mut self, item: &ItemUse) {
        let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        let is_private = matches!(item.vis, Visibility::Inherited);
        self.tree(&item.tree, start, is_private, line(item.use_token.span));
    }

    fn tree(&mut self, tree: &UseTree, above: Vec<String>, is_private: bool, line: usize) {
        leaves(tree, above, &mut |name, path| match name {
            Leaf::Everything => self.globs.push(Import { name: None, path, is_private, line }),
            Leaf::Unnamed => self.imports.push(Import { name: None, path, is_private, line }),
            Leaf::Name(name) => {
                self.imports.push(Import { name: Some(name), path, is_private, line })
            }
        });
    }
}

/// What one name of an import brings.
pub(crate) enum Leaf {
    /// `*`
    Everything,
    /// `as _`
    Unnamed,
    /// A name.
    Name(String),
}

/// Calls `each` with everything that an import brings, and the path that it comes from.
pub(crate) fn leaves(
    tree: &UseTree,
    mut above: Vec<String>,
    each: &mut impl FnMut(Leaf, Vec<String>),
) {
    let at = |mut above: Vec<String>, name: String| {
        if name != "self" || above.is_empty() {
            above.push(name);
        }
        above
    };
    match tree {
        UseTree::Path(path) => {
            above.push(path.ident.unraw().to_string());
            leaves(&path.tree, above, each);
        }
        UseTree::Name(name) => {
            let path = at(above, name.ident.unraw().to_string());
            let name = path.last().cloned().unwrap_or_default();
            each(Leaf::Name(name), path);
        }
        UseTree::Rename(rename) => {
            let path = at(above, rename.ident.unraw().to_string());
            let name = rename.rename.unraw().to_string();
            each(if name == "_" { Leaf::Unnamed } else { Leaf::Name(name) }, path);
        }
        UseTree::Glob(_) => each(Leaf::Everything, above),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| leaves(tree, above.clone(), each));
        }
    }
}

/// Returns name, kind and attributes of an item that has a name.
pub(super) fn described(item: &Item) -> Option<(&Ident, Kind, &[syn::Attribute])> {
    Some(match item {
        Item::Fn(item) => (&item.sig.ident, Kind::Function, &item.attrs),
        Item::Struct(item) => (&item.ident, Kind::Type, &item.attrs),
        Item::Enum(item) => (&item.ident, Kind::Type, &item.attrs),
        Item::Union(item) => (&item.ident, Kind::Type, &item.attrs),
        Item::Type(item) => (&item.ident, Kind::Type, &item.attrs),
        Item::Trait(item) => (&item.ident, Kind::Trait, &item.attrs),
        Item::TraitAlias(item) => (&item.ident, Kind::Trait, &item.attrs),
        Item::Const(item) => (&item.ident, Kind::Constant, &item.attrs),
        Item::Static(item) => (&item.ident, Kind::Constant, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref()?, Kind::Macro, &item.attrs),
        _ => return None,
    })
}

/// Returns the name of an item.
#[cfg(feature = "sources")]
pub(crate) fn name_of(item: &Item) -> Option<&Ident> {
    described(item).map(|(name, ..)| name)
}

fn is_private(item: &Item) -> bool {
    let visibility = match item {
        Item::Fn(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Union(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::TraitAlias(item) => &item.vis,
        Item::Const(item) => &item.vis,
        Item::Static(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Inherited)
}

fn function_of_trait(item: &syn::TraitItem) -> Option<String> {
    match item {
        syn::TraitItem::Fn(function) => Some(function.sig.ident.unraw().to_string()),
        _ => None,
    }
}

/// Returns the value of `#[path = "…"]`.
fn path_of(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
