//! The id of a run: the process that has the run, and the fence number of its lock. If a balancer sends a
//! request for the run to another process, that process finds the run in the history. A run without a lock
//! has something unique in the place of the fence; then another process can name the right one.

use mongodb::bson::Uuid;

/// The longest host name, as in DNS.
const HOST_BYTES_MAX: usize = 253;

/// The process that has a run, by its host and process id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) host: String,
    pub(super) pid: u32,
}

impl Instance {
    /// This process. Characters that a host name should not have are written as `_`.
    pub(super) fn new(host: &str, pid: u32) -> Self {
        let host = host.chars().take(HOST_BYTES_MAX);
        let host: String = host.map(|c| if is_legal(c) { c } else { '_' }).collect();
        let host = if host.is_empty() { "_".to_owned() } else { host };
        Self { host, pid }
    }

    /// The id of a run that has the lock under this fence number: `host-pid-fence`. Every process makes
    /// the same of what the history says.
    pub(super) fn id_of(&self, fence: i64) -> String {
        format!("{}-{}-{fence}", self.host, self.pid)
    }

    /// A new id of a run that does not have the lock: `host-pid-unique`.
    pub(super) fn id(&self) -> String {
        let unique = Uuid::new().to_string().replace('-', "");
        format!("{}-{}-{unique}", self.host, self.pid)
    }

    /// The process that made this id. `None`: the text is no id of a run.
    pub(super) fn of(id: &str) -> Option<Self> {
        let mut parts = id.rsplitn(3, '-');
        let (unique, pid, host) = (parts.next()?, parts.next()?, parts.next()?);
        let is_unique = unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_unique = is_unique || fence(unique).is_some();
        let is_host =
            !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.chars().all(is_legal);
        let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit());
        (is_unique && is_host && is_pid)
            .then(|| Some(Self { host: host.to_owned(), pid: pid.parse().ok()? }))?
    }
}

/// The fence number at the end of the id of a run; `None`: the run had no lock when it got its id.
pub(super) fn fence_of(id: &str) -> Option<i64> {
    Instance::of(id)?;
    fence(id.rsplit('-').next()?)
}

fn fence(text: &str) -> Option<i64> {
    let is_number = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Whether the character is safe in a path and in a text.
const fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_who_has_the_run() {
        for (host, shown) in [("web-2.shop", "web-2.shop"), ("a/b\n", "a_b_"), ("-", "-")] {
            let instance = Instance::new(host, 42);
            assert_eq!(instance.host, shown);
            assert_ne!(instance.id(), instance.id());
            assert_eq!(Instance::of(&instance.id()), Some(instance));
        }
        let run = Instance::new("web-2.shop", 42).id_of(7);
        assert_eq!((&*run, fence_of(&run)), ("web-2.shop-42-7", Some(7)));
        assert_eq!(Instance::of(&run), Some(Instance::new("web-2.shop", 42)));
        assert_eq!(Instance::new("", 42).id_of(7), "_-42-7");
        assert_eq!(fence_of(&Instance::new("web-2.shop", 42).id()), None);
        let unique = "0123456789abcdef0123456789abcdef";
        for strange in [
            String::new(),
            "none".to_owned(),
            unique.to_owned(),
            format!("-1-{unique}"),
            format!("host-+1-{unique}"),
            format!("host-99999999999-{unique}"),
            format!("ho\u{202e}st-1-{unique}"),
            format!("host-1-{unique}0"),
            "host-1-0".to_owned(),
            "host-1-".to_owned(),
            "host-1-07".to_owned(),
            "host-1-+7".to_owned(),
            "host-1-99999999999999999999".to_owned(),
            "-1-7".to_owned(),
            format!("{}-1-{unique}", "x".repeat(300)),
        ] {
            assert_eq!(Instance::of(&strange), None, "{strange}");
        }
    }
}
