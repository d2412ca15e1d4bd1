//! A migration, and its static descriptor, which the attribute registers.

use std::{any::TypeId, borrow::Cow, future::Future, pin::Pin};

use mongrate_seal::{Replaces, packed, repeatable_number};

use crate::{
    kinds::{change::declared::ChangeFn, online::Online, transaction::Transaction},
    model::{
        identity::Identity,
        kind::{DEFAULT_GROUP, MigrationKind},
        labels::Labels,
        named::Named,
        result::BoxError,
        version::Version,
    },
};

/// The functions of a migration, by type. Pointers do not identify a function: a linker may give
/// two functions with the same code one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Functions {
    pub(crate) up: TypeId,
    pub(crate) down: Option<TypeId>,
}

/// The boxed future of a migration body. It need not be `Send`: bodies run on a thread of their
/// own.
pub type Outcome<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + 'a>>;

/// The body of a transactional migration, or its rollback.
pub type TransactionFn = for<'a, 'c> fn(&'a mut Transaction<'c>) -> Outcome<'a>;

/// The body of an online migration, or its rollback.
pub type OnlineFn = for<'a, 'c> fn(&'a mut Online<'c>) -> Outcome<'a>;

/// What is known of a migration, without its functions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) checksum: &'static str,
    pub(crate) crate_name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) out_of_order: bool,
    /// The labels that it applies for; those after a `!` exclude it.
    pub(crate) labels: Names,
    /// The migrations of other groups that come first, as `group::version`.
    pub(crate) after: Names,
    /// What it stands for, if it is a squash; otherwise empty.
    pub(crate) replaces: &'static str,
    pub(crate) hints: Hints,
}

#[derive(Clone, Copy)]
pub(crate) enum Body {
    Transaction { up: TransactionFn, down: Option<TransactionFn> },
    Online { up: OnlineFn, down: Option<OnlineFn> },
    Change { declare: ChangeFn, reversible: bool },
}

/// One migration: a version, a name, and the functions that apply it and roll it back.
///
/// `#[migration]` makes these. Make one by hand where a test wants an explicit list:
///
/// ```
/// use mongrate::{bson::{doc, Document}, Migration};
///
/// let first = Migration::transactional(1, "add_anna", |tx| {
///     Box::pin(async move {
///         tx.collection::<Document>("users").insert_one(doc! { "_id": "anna" }).await?;
///         Ok(())
///     })
/// })
/// .reversible_by(|tx| {
///     Box::pin(async move {
///         tx.collection::<Document>("users").delete_one(doc! { "_id": "anna" }).await?;
///         Ok(())
///     })
/// });
/// assert!(first.is_reversible());
/// ```
#[derive(Clone, Copy)]
pub struct Migration {
    pub(crate) descriptor: Descriptor,
    pub(crate) body: Body,
    /// The functions as the attribute registered them; `None` for a migration made by hand.
    pub(crate) code: Option<fn() -> Code>,
}

/// What the attribute knows of the functions of a migration.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) body: Body,
    /// `None` for a declared migration, which has no rollback function.
    pub(crate) functions: Option<Functions>,
}

/// What a migration tells the lints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    /// The names of the lints that it acknowledges.
    pub allow: Names,
    /// The collections of which a transactional body may write many documents.
    pub writes: Names,
}

impl Hints {
    pub(crate) const NONE: Self = Self { allow: Names::Given(&[]), writes: Names::Given(&[]) };
}

/// A list of names: of a migration made by hand, or of one that the attribute registered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    Given(&'static [&'static str]),
    Packed(packed::Names<'static>),
}

impl Names {
    pub(crate) const NONE: Self = Self::Given(&[]);

    pub(crate) fn to_vec(self) -> Vec<&'static str> {
        match self {
            Self::Given(names) => names.to_vec(),
            Self::Packed(names) => names.iter().collect(),
        }
    }
}

impl Migration {
    /// A transactional migration made by hand.
    pub const fn transactional(version: i64, name: &'static str, up: TransactionFn) -> Self {
        by_hand(version, name, Body::Transaction { up, down: None })
    }

    /// An online migration made by hand.
    pub const fn online_steps(version: i64, name: &'static str, up: OnlineFn) -> Self {
        by_hand(version, name, Body::Online { up, down: None })
    }

    /// A declared migration made by hand. It is reversible.
    pub const fn declared(version: i64, name: &'static str, declare: ChangeFn) -> Self {
        by_hand(version, name, Body::Change { declare, reversible: true })
    }

    /// A repeatable migration made by hand: it runs after the versions, in a transaction, and again
    /// whenever its checksum changes. Give it one with [`with_checksum`](Self::with_checksum).
    pub fn repeatable(name: &'static str, up: TransactionFn) -> Self {
        by_hand(repeatable_number(name), name, Body::Transaction { up, down: None })
    }

    /// The same for one that runs outside of a transaction.
    pub fn repeatable_online(name: &'static str, up: OnlineFn) -> Self {
        by_hand(repeatable_number(name), name, Body::Online { up, down: None })
    }

    /// The same migration with a rollback. For a transactional migration.
    ///
    /// # Panics
    ///
    /// If this is not a transactional migration. In a constant, that does not compile.
    #[must_use]
    pub const fn reversible_by(mut self, rollback: TransactionFn) -> Self {
        match self.body {
            Body::Transaction { up, .. } => {
                self.body = Body::Transaction { up, down: Some(rollback) };
            }
            Body::Online { .. } => {
                panic!("an online migration takes its rollback through `reversible_online_by`")
            }
            Body::Change { .. } => panic!("a declared migration knows its own rollback"),
        }
        self
    }

    /// The same migration with a rollback. For an online migration.
    ///
    /// # Panics
    ///
    /// If this is not an online migration. In a constant, that does not compile.
    #[must_use]
    pub const fn reversible_online_by(mut self, rollback: OnlineFn) -> Self {
        match self.body {
            Body::Online { up, .. } => self.body = Body::Online { up, down: Some(rollback) },
            Body::Transaction { .. } => {
                panic!("a transactional migration takes its rollback through `reversible_by`")
            }
            Body::Change { .. } => panic!("a declared migration knows its own rollback"),
        }
        self
    }

    /// The same migration with another checksum. Default: made of version and name, as the body of
    /// a migration made by hand is not known.
    #[must_use]
    pub const fn with_checksum(mut self, checksum: &'static str) -> Self {
        self.descriptor.checksum = checksum;
        self
    }

    /// The same migration, allowed to be older than applied migrations.
    #[must_use]
    pub const fn allowed_out_of_order(mut self) -> Self {
        self.descriptor.out_of_order = true;
        self
    }

    /// The same migration with labels: it applies only where one of them is selected
    /// ([`Migrator::labels`](crate::Migrator::labels)), and none of those after a `!`.
    #[must_use]
    pub const fn labelled(mut self, labels: &'static [&'static str]) -> Self {
        self.descriptor.labels = Names::Given(labels);
        self
    }

    /// The same migration, which comes after migrations of other groups: `&["billing::20250122001"]`.
    #[must_use]
    pub const fn coming_after(mut self, others: &'static [&'static str]) -> Self {
        self.descriptor.after = Names::Given(others);
        self
    }

    /// The same migration as a squash, which stands for former ones: what `cargo mongrate squash`
    /// writes into `replaces`. It has no rollback.
    #[must_use]
    pub const fn replacing(mut self, replaces: &'static str) -> Self {
        if let Body::Change { declare, .. } = self.body {
            self.body = Body::Change { declare, reversible: false };
        }
        self.descriptor.replaces = replaces;
        self
    }

    /// The same migration in another group. Default: `default`.
    #[must_use]
    pub const fn in_group(mut self, group: &'static str) -> Self {
        self.descriptor.group = group;
        self
    }

    /// The same migration, which acknowledges the lints with these names, e.g. `large_transaction`:
    /// they are not reported for it.
    #[must_use]
    pub const fn allowing(mut self, lints: &'static [&'static str]) -> Self {
        self.descriptor.hints.allow = Names::Given(lints);
        self
    }

    /// The same transactional migration, known to write many documents of these collections. The
    /// attribute finds these collections in the body; a migration made by hand has to name them, so
    /// that [`Up::lint`](crate::Up::lint) compares their sizes with its limits.
    #[must_use]
    pub const fn writing_many(mut self, collections: &'static [&'static str]) -> Self {
        self.descriptor.hints.writes = Names::Given(collections);
        self
    }

    /// The version; of a repeatable migration, the number that stands for it.
    pub const fn version(&self) -> Version {
        Version::new(self.descriptor.version)
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.descriptor.name
    }

    /// The group: an independent history.
    pub const fn group(&self) -> &'static str {
        self.descriptor.group
    }

    /// The kind.
    pub const fn kind(&self) -> MigrationKind {
        match self.body {
            Body::Transaction { .. } => MigrationKind::Transaction,
            Body::Online { .. } => MigrationKind::Online,
            Body::Change { .. } => MigrationKind::Change,
        }
    }

    /// Whether it can be rolled back.
    pub const fn is_reversible(&self) -> bool {
        match self.body {
            Body::Transaction { down, .. } => down.is_some(),
            Body::Online { down, .. } => down.is_some(),
            Body::Change { reversible, .. } => reversible,
        }
    }

    /// Whether it runs again when its body changes.
    pub const fn is_repeatable(&self) -> bool {
        self.version().is_repeatable()
    }

    /// It, and where it is written: for messages.
    pub(crate) fn shown(&self) -> String {
        let source = self.source();
        if self.is_repeatable() {
            return format!("repeatable `{}` ({source})", self.name());
        }
        format!("{} `{}` ({source})", self.version(), self.name())
    }

    /// What it stands for; `None` if it is no squash.
    pub(crate) fn replaces(&self) -> Option<Replaces> {
        Replaces::parse(self.descriptor.replaces)
    }

    /// Whether it is a squash: a new database runs it in the place of the migrations that it stands for.
    pub const fn is_squash(&self) -> bool {
        !self.descriptor.replaces.is_empty()
    }

    /// The labels that it applies for; those after a `!` exclude it. Empty: it applies everywhere.
    pub fn labels(&self) -> Vec<&'static str> {
        self.descriptor.labels.to_vec()
    }

    /// The migrations of other groups that come first, as `group::version`.
    pub fn after(&self) -> Vec<&'static str> {
        self.descriptor.after.to_vec()
    }

    /// Whether it applies where these labels are selected.
    pub(crate) fn applies(&self, selected: &Labels) -> bool {
        match self.descriptor.labels {
            Names::Given(labels) => selected.select(labels.iter().copied()),
            Names::Packed(labels) => selected.select(labels.iter()),
        }
    }

    /// Whether it may be older than applied migrations.
    pub const fn is_out_of_order(&self) -> bool {
        self.descriptor.out_of_order
    }

    /// The crate that declares it.
    pub const fn crate_name(&self) -> &'static str {
        self.descriptor.crate_name
    }

    /// The fingerprint of the body, e.g. `v1:sha256:…`. It does not cover the functions that the
    /// body calls.
    pub fn checksum(&self) -> Cow<'static, str> {
        if self.descriptor.checksum.is_empty() {
            format!("by-hand:{}:{}", self.descriptor.version, self.descriptor.name).into()
        } else {
            self.descriptor.checksum.into()
        }
    }

    /// Everything that a record holds of this migration; its functions are left out.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            version: self.version(),
            name: self.name().into(),
            group: self.group(),
            kind: self.kind(),
            checksum: self.checksum(),
        }
    }

    /// The version and the name, as errors and reports show them.
    pub(crate) fn named(&self) -> Named {
        Named { version: self.version(), name: self.name().to_owned() }
    }

    /// The function of a declared migration; `None` for the other kinds.
    pub(crate) fn declaration(&self) -> Option<ChangeFn> {
        match self.body {
            Body::Change { declare, .. } => Some(declare),
            Body::Transaction { .. } | Body::Online { .. } => None,
        }
    }

    /// Where it is declared, as `file:line`.
    pub fn source(&self) -> String {
        if self.descriptor.file.is_empty() {
            "made by hand".to_owned()
        } else {
            format!("{}:{}", self.descriptor.file, self.descriptor.line)
        }
    }
}

const fn by_hand(version: i64, name: &'static str, body: Body) -> Migration {
    let descriptor = Descriptor {
        version,
        name,
        group: DEFAULT_GROUP,
        checksum: "",
        crate_name: "",
        file: "",
        line: 0,
        out_of_order: false,
        labels: Names::NONE,
        after: Names::NONE,
        replaces: "",
        hints: Hints::NONE,
    };
    Migration { descriptor, body, code: None }
}

impl std::fmt::Debug for Migration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Migration")
            .field("version", &self.version())
            .field("name", &self.name())
            .field("group", &self.group())
            .field("kind", &self.kind())
            .field("reversible", &self.is_reversible())
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}
