//! A macro that declares one version in two modules.

macro_rules! billing {
    ($module:ident) => {
        mod $module {
            use mongrate::{Result, Transaction, migration};

            #[migration(version = 9009)]
            async fn add_invoices(_tx: &mut Transaction<'_>) -> Result {
                Ok(())
            }
        }
    };
}

billing!(europe);
billing!(america);

fn main() {}
