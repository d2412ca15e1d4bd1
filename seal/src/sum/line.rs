//! A line of the file, borrowed from its text: when the app starts, it reads all lines and copies none.

use super::{
    format::HEADER,
    rollback::ROLLBACK,
    sealed::Sealed,
    uses::{self, USES},
};

/// A line. Its chain is not checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The group.
    pub group: &'a str,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: &'a str,
    /// The checksum.
    pub checksum: &'a str,
    /// The rollback's field, without its `down=`, if the line has one.
    pub rollback: Option<&'a str>,
    /// The field of the items that the migration uses, without its `uses=`, if the line has one.
    pub uses: Option<&'a str>,
    /// The text that the chain protects: all fields above.
    pub text: &'a str,
    /// The chain.
    pub chain: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line. `None` if it has another form.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (text, chain) = line.rsplit_once(' ')?;
        let mut fields = text.split(' ');
        let group = fields.next()?;
        let version = version(fields.next()?)?;
        let (name, checksum) = (fields.next()?, fields.next()?);
        let mut field = fields.next();
        let mut optional = |key: &str| {
            let value = field.and_then(|field| field.strip_prefix(key));
            if value.is_some() {
                field = fields.next();
            }
            value
        };
        let (rollback, uses) = (optional(ROLLBACK), optional(USES));
        let sound = ![group, name, checksum, rollback.unwrap_or("-")].contains(&"")
            && uses.is_none_or(uses::is_sound)
            && field.is_none();
        sound.then_some(Self { group, version, name, checksum, rollback, uses, text, chain })
    }

    /// Copies the line's migration.
    pub fn sealed(&self) -> Sealed {
        Sealed {
            group: self.group.to_owned(),
            version: self.version,
            name: self.name.to_owned(),
            checksum: self.checksum.to_owned(),
            rollback: self.rollback.map(str::to_owned),
            uses: self.uses.map(str::to_owned),
        }
    }
}

/// Reads the lines of a file whose chain was checked before, as the compiler does. The first item is
/// `None` if the file has another header; the item of a line that has another form is `None`.
pub fn lines(text: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    let mut lines = text.lines();
    let other = (lines.next() != Some(HEADER)).then_some(None);
    other.into_iter().chain(lines.map(Line::parse))
}

/// Reads a positive version, which is written in only one way.
fn version(digits: &str) -> Option<i64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_form_is_taken() {
        let line = "default 12 add_users v1:sha256:aa cc";
        let found = Line::parse(line).unwrap();
        assert_eq!((found.group, found.version, found.name), ("default", 12, "add_users"));
        assert_eq!((found.checksum, found.chain), ("v1:sha256:aa", "cc"));
        assert_eq!(found.text, "default 12 add_users v1:sha256:aa");
        assert_eq!(found.rollback, None, "as lines were before they had one");
        let line = "default 12 add_users v1:sha256:aa down=v1:sha256:bb cc";
        let found = Line::parse(line).unwrap();
        assert_eq!((found.checksum, found.rollback), ("v1:sha256:aa", Some("v1:sha256:bb")));
        assert_eq!(found.text, "default 12 add_users v1:sha256:aa down=v1:sha256:bb");
        let line = "default 12 add_users v1:sha256:aa down=x uses=a:0f,b:1e cc";
        let found = Line::parse(line).unwrap();
        assert_eq!((found.rollback, found.uses), (Some("x"), Some("a:0f,b:1e")));
        assert_eq!(format!("{} cc", found.sealed().text()), line);
        assert_eq!(Line::parse("default 12 a v1:sha256:aa uses=a:0f cc").unwrap().rollback, None);
        for other in [
            "",
            "default 12 add_users v1:sha256:aa",
            "default 012 add_users v1:sha256:aa cc",
            "default +12 add_users v1:sha256:aa cc",
            "default 0 add_users v1:sha256:aa cc",
            "default -1 add_users v1:sha256:aa cc",
            "default 99999999999999999999 add_users v1:sha256:aa cc",
            "default  12 add_users v1:sha256:aa cc",
            "default 12 add_users v1:sha256:aa dd cc",
            "default 12 add_users v1:sha256:aa down= cc",
            "default 12 add_users v1:sha256:aa down=x down=y cc",
            "default 12 add_users v1:sha256:aa uses= cc",
            "default 12 add_users v1:sha256:aa uses=a cc",
            "default 12 add_users v1:sha256:aa uses=a:0f uses=a:0f cc",
            "default 12 add_users v1:sha256:aa uses=a:0f down=x cc",
            " 12 add_users v1:sha256:aa cc",
            "default 12 add_users v1:sha256:aa cc ",
        ] {
            assert_eq!(Line::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn another_header_is_no_file_of_ours() {
        assert_eq!(lines("").collect::<Vec<_>>(), [None]);
        assert_eq!(lines("mongrate-sum v2\n").collect::<Vec<_>>(), [None]);
        assert_eq!(lines(HEADER).count(), 0);
    }
}
