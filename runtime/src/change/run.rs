//! Runs what was recorded: forward, or backward from the last operation to the first.

use super::{Change, Operation};
use crate::{BoxError, Direction, Online};

impl Change {
    /// Runs every operation that no earlier attempt finished.
    pub(crate) async fn run(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let mut numbered: Vec<(usize, &Operation)> = self.operations.iter().enumerate().collect();
        if on.direction() == Direction::Down {
            numbered.reverse();
        }
        for (number, operation) in numbered {
            let key = number.to_string();
            if !on.is_done(&key) {
                operation.run(on, &key).await?;
            }
        }
        Ok(())
    }
}

impl Operation {
    async fn run(&self, _: &mut Online<'_>, _: &str) -> Result<(), BoxError> {
        match *self {}
    }
}
