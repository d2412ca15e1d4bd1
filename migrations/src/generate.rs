//! Invented patients and visits, the same in every run.

use mongrate::bson::{DateTime, Document, doc};

const GIVEN: [&str; 12] =
    ["Ada", "Bela", "Chidi", "Dora", "Emil", "Farah", "Gus", "Hana", "Ivo", "Jun", "Kaya", "Lena"];
const FAMILY: [&str; 11] = [
    "Abara", "Berg", "Costa", "Dvorak", "Endo", "Fiala", "Garcia", "Haas", "Ito", "Jansen", "Kaur",
];
const COUNTRIES: [&str; 7] = ["AT", "BR", "CZ", "DE", "JP", "NG", "NL"];
const REASONS: [&str; 5] = ["check-up", "cough", "fracture", "vaccination", "follow-up"];

/// 1 January 2025, 08:00 UTC, in milliseconds.
const OPENED: i64 = 1_735_718_400_000;
const HALF_HOUR: i64 = 30 * 60 * 1_000;

/// Returns the n-th patient.
pub(crate) fn patient(n: u32) -> Document {
    let given = pick(&GIVEN, n);
    let family = pick(&FAMILY, n / 12);
    doc! {
        "number": number(n),
        "name": format!("{given} {family}"),
        "country": pick(&COUNTRIES, n / 3),
        "born": 1930 + i64::from(n % 90),
    }
}

/// Returns the n-th visit.
pub(crate) fn visit(n: u32) -> Document {
    doc! {
        // 7919 is prime: the visits spread over all patients.
        "patient": number((n * 7_919) % 2_000),
        "at": DateTime::from_millis(OPENED + i64::from(n) * HALF_HOUR),
        "reason": pick(&REASONS, n),
    }
}

fn number(n: u32) -> String {
    format!("P{:05}", n + 1)
}

fn pick<'a>(from: &[&'a str], n: u32) -> &'a str {
    from[n as usize % from.len()]
}
