//! The ways in which the functions are registered.

/// How the functions are registered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A `vec![]` of trait objects; the futures are boxed, as Mongrate's are.
    ByHand,
    /// The same with `Send` futures, as `#[async_trait]` makes them.
    ByHandSend,
    /// `#[migration]`.
    Attribute,
    /// `#[migration]`, with a `migrations.sum` of all but the newest file.
    AttributeSealed,
    /// `#[migration]`, while the profile optimises macros.
    AttributeOptimised,
}

impl Style {
    /// The styles to measure. To prove a future `Send`, the compiler walks through the driver's
    /// types; the stub has none.
    pub fn worth_measuring(real: bool) -> Vec<Self> {
        let mut styles =
            vec![Self::ByHand, Self::Attribute, Self::AttributeSealed, Self::AttributeOptimised];
        if real {
            styles.insert(1, Self::ByHandSend);
        }
        styles
    }

    /// The style that the others are compared with.
    pub const BASE: Self = Self::ByHand;

    pub fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::ByHandSend => "by_hand_send",
            Self::Attribute => "attribute",
            Self::AttributeSealed => "attribute_sealed",
            Self::AttributeOptimised => "attribute_optimised",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::ByHand => "a list, by hand",
            Self::ByHandSend => "a list, by hand, `Send`",
            Self::Attribute => "`#[migration]`",
            Self::AttributeSealed => "`#[migration]`, sealed",
            Self::AttributeOptimised => "`#[migration]`, `build-override.opt-level = 1`",
        }
    }

    pub fn is_attribute(self) -> bool {
        matches!(self, Self::Attribute | Self::AttributeSealed | Self::AttributeOptimised)
    }
}
