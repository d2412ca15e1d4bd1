//! Which values the server converts to which types.

use super::super::types::Types;

/// The types that a converted value may get, the first that is wanted first.
const TARGETS: [Types; 8] = [
    Types::LONG,
    Types::INT,
    Types::DOUBLE,
    Types::DECIMAL,
    Types::STRING,
    Types::BOOL,
    Types::DATE,
    Types::OBJECT_ID,
];

const NUMBERS: Types = Types::INT.or(Types::LONG).or(Types::DOUBLE).or(Types::DECIMAL);

/// Returns the conversions that take values of the types `from` to values of the types `to`: pairs of names
/// of types. `None` if there is a type in `from` that the server does not convert, or if `to` does not say to
/// which type.
pub(super) fn conversions(from: Types, to: Types) -> Option<Vec<(Types, Types)>> {
    let to = to.without(Types::NULL);
    let target = TARGETS.into_iter().find(|target| to.meets(*target))?;
    let is_clear = to.without(target).is_empty() || to.without(NUMBERS).is_empty();
    let lacking = from.without(to).without(Types::NULL);
    let pairs: Vec<(Types, Types)> = single(lacking).map(|one| (one, target)).collect();
    (is_clear && pairs.iter().all(|(from, to)| converts(*from, *to))).then_some(pairs)
}

/// Returns the types of a set, one by one.
pub(super) fn single(types: Types) -> impl Iterator<Item = Types> {
    types.names().filter_map(Types::named)
}

/// Whether the server converts the type, with the meaning that people expect. (To the server, the string
/// `"false"` is true.)
fn converts(from: Types, to: Types) -> bool {
    let is_number = |types: Types| types.without(NUMBERS).is_empty();
    let scalar = NUMBERS.or(Types::BOOL).or(Types::DATE).or(Types::OBJECT_ID);
    match () {
        () if to == Types::STRING => scalar.meets(from),
        () if from == Types::STRING => is_number(to) || to == Types::DATE || to == Types::OBJECT_ID,
        () if is_number(from) && is_number(to) => true,
        () if from == Types::BOOL => is_number(to),
        () if to == Types::BOOL => is_number(from),
        () if to == Types::DATE => {
            (is_number(from) && from != Types::INT) || from == Types::OBJECT_ID
        }
        () if from == Types::DATE => is_number(to) && to != Types::INT,
        () => false,
    }
}
