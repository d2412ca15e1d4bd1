//! The version in a file's name: `m20250122002_add_index.rs` promises version 20250122002. A
//! directory with such a name promises the version of the migration in it.

use std::{
    path::{Component, Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use mongrate_seal::period::is_period;

use super::declaration::Declaration;
use crate::origin::Origin;

/// Returns the error text if the nearest name that promises a version promises another version.
pub(super) fn complaint(new: &Declaration, origin: &Origin) -> Option<String> {
    let promise = promises(new, origin).next()?;
    if promise.version == new.version {
        return None;
    }
    let Promise { what, name, digits, rest, version, extension } = promise;
    let width = digits.len();
    Some(format!(
        "the {what} `{name}` promises version {version}, and this is version {}: declare \
         `version = {version}`, or rename the {what} to `m{:0width$}_{rest}{extension}`",
        new.version, new.version,
    ))
}

/// A name of the form `m<digits>_<rest>`.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    what: &'static str,
    name: String,
    digits: String,
    rest: String,
    version: i64,
    extension: &'static str,
}

/// Returns the promises of the file and the directories around it, nearest first, up to the
/// package's directory.
fn promises<'a>(new: &'a Declaration, origin: &Origin) -> impl Iterator<Item = Promise> + use<'a> {
    let path = new.place.path.clone().unwrap_or_else(|| PathBuf::from(&new.place.file));
    let file = path.file_stem().and_then(|stem| promise("file", &stem.to_string_lossy(), ".rs"));
    let directories = path.parent().and_then(|parent| inside(parent, &origin.directory));
    let names: Vec<String> = directories
        .iter()
        .flat_map(|inside| inside.components().rev())
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    let directories = names.into_iter().filter_map(|name| promise("directory", &name, ""));
    // `m2024_q1/` is the directory of a quarter, not of one migration.
    let is_version = |promise: &Promise| {
        let is_directory = promise.extension.is_empty();
        !is_period(&promise.digits, new.version, is_directory)
    };
    file.into_iter().chain(directories).filter(is_version)
}

/// Returns the part of a directory's path below the package's directory. The last answer is kept:
/// neighbours ask for the same directory, and the file system is slow.
fn inside(directory: &Path, package: &Path) -> Option<PathBuf> {
    static LAST: Mutex<Option<Answer>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = &*last
        && answer.directory == directory
        && answer.package == package
    {
        return answer.inside.clone();
    }
    let inside = canonical_inside(directory, package);
    let (directory, package) = (directory.to_owned(), package.to_owned());
    *last = Some(Answer { directory, package, inside: inside.clone() });
    inside
}

struct Answer {
    directory: PathBuf,
    package: PathBuf,
    inside: Option<PathBuf>,
}

fn canonical_inside(directory: &Path, package: &Path) -> Option<PathBuf> {
    let (directory, package) = (directory.canonicalize().ok()?, package.canonicalize().ok()?);
    directory.strip_prefix(package).ok().map(Path::to_owned)
}

fn promise(what: &'static str, stem: &str, extension: &'static str) -> Option<Promise> {
    let (digits, rest) = stem.strip_prefix('m')?.split_once('_')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let version = digits.parse().ok()?;
    let (digits, rest) = (digits.to_owned(), rest.to_owned());
    Some(Promise { what, name: format!("{stem}{extension}"), digits, rest, version, extension })
}

#[cfg(test)]
mod tests {
    //! Which names promise which version.

    use super::*;
    use crate::place::Place;

    fn version(stem: &str) -> Option<i64> {
        promise("file", stem, ".rs").map(|promise| promise.version)
    }

    #[test]
    fn names_that_promise() {
        assert_eq!(version("m20250122002_add_index"), Some(20_250_122_002));
        assert_eq!(version("m0002_x"), Some(2));
        assert_eq!(version("m1_"), Some(1));
    }

    #[test]
    fn names_that_do_not() {
        for stem in
            ["m_x", "m2025", "members_1", "m12x_y", "x2_y", "mod", "m99999999999999999999_x"]
        {
            assert_eq!(version(stem), None, "{stem}");
        }
    }

    #[test]
    fn the_nearest_name_counts_and_says_how_to_rename() {
        let root = tempdir();
        let nested = root.join("src/m0001_users");
        std::fs::create_dir_all(&nested).unwrap();
        let origin = Origin { directory: root.clone(), ..Origin::of_this_crate() };
        let at = |path: PathBuf, version| Declaration {
            version,
            name: String::new(),
            group: String::new(),
            function: String::new(),
            rollback: None,
            place: Place { file: path.display().to_string(), path: Some(path), line: 1, column: 1 },
        };
        assert_eq!(complaint(&at(nested.join("mod.rs"), 1), &origin), None);
        assert_eq!(complaint(&at(nested.join("m0007_x.rs"), 7), &origin), None);
        assert_eq!(
            complaint(&at(nested.join("m0007_x.rs"), 1), &origin).unwrap(),
            "the file `m0007_x.rs` promises version 7, and this is version 1: declare \
             `version = 7`, or rename the file to `m0001_x.rs`"
        );
        assert_eq!(
            complaint(&at(nested.join("mod.rs"), 12), &origin).unwrap(),
            "the directory `m0001_users` promises version 1, and this is version 12: declare \
             `version = 1`, or rename the directory to `m0012_users`"
        );
        let quarter = root.join("src/m2024_q1");
        std::fs::create_dir_all(&quarter).unwrap();
        for (file, version) in
            [("mod.rs", 20_240_131_001), ("users.rs", 3), ("m2024_q1.rs", 20_240_131_001)]
        {
            assert_eq!(complaint(&at(quarter.join(file), version), &origin), None, "{file}");
        }
        let wrong = complaint(&at(quarter.join("m0007_x.rs"), 20_240_131_001), &origin);
        assert!(wrong.unwrap().starts_with("the file `m0007_x.rs` promises version 7"));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_lies_above_the_package_promises_nothing() {
        let root = tempdir();
        let package = root.join("m0009_service");
        std::fs::create_dir_all(package.join("src")).unwrap();
        let path = package.join("src");
        assert_eq!(inside(&path, &package), Some(PathBuf::from("src")));
        assert_eq!(inside(&root, &package), None);
        std::fs::remove_dir_all(root).unwrap();
    }

    fn tempdir() -> PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mongrate-macros-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}
