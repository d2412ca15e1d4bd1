//! The contexts of the bodies, where the real ones are.

pub mod online {
    //! As the real one.

    pub use crate::driver::Online;
}

pub mod transaction {
    //! As the real one.

    pub use crate::driver::Transaction;
}

pub mod change {
    //! As the real one.

    pub use self::declared::ChangeFn;

    pub mod declared {
        //! What is declared is judged by the real one alone.

        pub use crate::driver::Change;

        pub type ChangeFn = fn(&mut Change);

        pub fn problems(_: ChangeFn) -> Vec<String> {
            Vec::new()
        }
    }
}
