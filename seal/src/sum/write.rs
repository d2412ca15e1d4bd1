//! Changes of a sum: append, and reseal on demand.

use super::{file::Sum, judge::Declared, sealed::Sealed};

impl From<Declared<'_>> for Sealed {
    fn from(new: Declared<'_>) -> Self {
        Self {
            group: new.group.to_owned(),
            version: new.version,
            name: new.name.to_owned(),
            checksum: new.checksum.to_owned(),
            rollback: new.rollback.sealed(),
            uses: new.uses.sealed(),
        }
    }
}

impl Sum {
    /// Seals a migration. Returns whether it was new.
    pub fn append(&mut self, new: Declared<'_>) -> bool {
        let is_new = self.get(new.group, new.version).is_none();
        if is_new {
            self.push(new.into());
        }
        is_new
    }

    /// Seals an already sealed migration again, as it is now. Returns whether it was sealed. Every chain
    /// below its line changes, which a reviewer sees.
    pub fn reseal(&mut self, new: Declared<'_>) -> bool {
        let place = self.places.get(new.group).and_then(|group| group.get(&new.version));
        let sealed = place.and_then(|place| self.sealed.get_mut(*place));
        sealed.map(|sealed| *sealed = new.into()).is_some()
    }
}

#[cfg(test)]
mod tests {
    //! A written sum can be read.

    use super::{
        super::{rollback::Undo, uses::Uses},
        *,
    };

    fn declared(version: i64, checksum: &str) -> Declared<'_> {
        let (rollback, uses, out_of_order) = (Undo::None, Uses::Unseen, false);
        Declared { group: "default", version, name: "x", checksum, rollback, uses, out_of_order }
    }

    #[test]
    fn nothing_above_what_is_appended_changes() {
        let mut sum = Sum::default();
        assert!(sum.append(declared(1, "v1:sha256:a")));
        let before = sum.render();
        assert!(sum.append(declared(2, "v1:sha256:b")));
        assert!(!sum.append(declared(1, "v1:sha256:c")));
        let after = sum.render();
        assert!(after.starts_with(&before));
        assert_eq!(Sum::parse(&after).unwrap(), sum);
    }

    #[test]
    fn a_reseal_changes_every_chain_below() {
        let mut sum = Sum::default();
        sum.append(declared(1, "v1:sha256:a"));
        sum.append(declared(2, "v1:sha256:b"));
        let before = sum.render();
        assert!(sum.reseal(declared(1, "v1:sha256:c")));
        assert!(!sum.reseal(declared(9, "v1:sha256:c")));
        let after = sum.render();
        assert_eq!(Sum::parse(&after).unwrap(), sum);
        assert_ne!(before.lines().last(), after.lines().last());
    }
}
