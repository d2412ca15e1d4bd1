//! Random shapes, the same at each run.

use std::collections::BTreeMap;

use super::super::{Field, Hints, Object, Rest, Shape, Types};

/// Random numbers from a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn name(&mut self) -> String {
        const NAMES: [&str; 12] = [
            "a",
            "_id",
            "größe",
            "created_at",
            "a b",
            "a.b",
            "\"q\"",
            "[]",
            "+x",
            "end",
            "null",
            "ü\n",
        ];
        NAMES[usize::try_from(self.below(12)).unwrap()].to_owned()
    }

    fn type_name(&mut self) -> Option<String> {
        (self.below(2) == 0).then(|| self.name())
    }

    fn map<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> BTreeMap<String, T> {
        (0..self.below(4)).map(|_| (self.name(), make(self))).collect()
    }

    fn types(&mut self) -> Types {
        let names = Types::all_names();
        let mut one = || Types::named(names[usize::try_from(self.below(21)).unwrap()]).unwrap();
        let types = one().or(one());
        if types.without(Types::OBJECT).is_empty() { Types::LONG } else { types }
    }

    pub(super) fn shape(&mut self, depth: u64) -> Shape {
        match self.below(if depth == 0 { 4 } else { 12 }) {
            0 => Shape::Any,
            1 => Shape::of_types(self.types()),
            2 => {
                let Shape::Values { values, .. } = Shape::values([self.name(), self.name()]) else {
                    unreachable!()
                };
                Shape::Values { name: self.type_name(), values }
            }
            3 => Shape::Recursion(1 + usize::try_from(self.below(3)).unwrap()),
            4 => Shape::Array {
                item: Box::new(self.shape(depth - 1)),
                length: (self.below(2) == 0).then_some(3),
            },
            5 => Shape::Tuple((0..self.below(3)).map(|_| self.shape(depth - 1)).collect()),
            6 => Shape::Map(Box::new(self.shape(depth - 1))),
            7 => Shape::Union {
                name: self.type_name(),
                alternatives: self.map(|random| random.shape(depth - 1)),
            },
            8 => self.shape(depth - 1).nullable(),
            _ => self.object(depth),
        }
    }

    pub(super) fn object(&mut self, depth: u64) -> Shape {
        let rest = match self.below(3) {
            0 => Rest::Open,
            1 => Rest::Closed,
            _ => Rest::Of(Box::new(self.shape(depth.saturating_sub(1)))),
        };
        Shape::Object(Object {
            name: self.type_name(),
            fields: self.map(|random| Field {
                shape: random.shape(depth.saturating_sub(1)),
                is_required: random.below(2) == 0,
                hints: Hints {
                    was: (0..random.below(2)).map(|_| random.name()).collect(),
                    default: (random.below(3) == 0).then(|| random.name()),
                },
            }),
            parts: match self.below(3) {
                0 => self.map(|random| random.shape(depth.saturating_sub(1))),
                _ => BTreeMap::new(),
            },
            rest,
        })
    }
}
