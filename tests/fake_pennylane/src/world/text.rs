//! Texts that real books hold: names, labels, references, and everything that breaks careless code.

use rand::Rng;

/// Labels that careless escaping, splitting or trimming would damage.
const AWKWARD: &[&str] = &[
    "",
    "Café \"Le Zinc\" ☕️ — rue de l'Œuvre",
    "O'Connor & Söhne GmbH",
    "colonne\tsuivante",
    "C:\\factures\\2026\\nouveau",
    "Famille 👩‍🌾👨‍🚒 🇫🇷",
    "<b>gras</b> & <script>alert(1)</script>",
    "Robert'); DROP TABLE customers; --",
    "deux\nlignes",
    "retour\r\nchariot",
    "espace\u{a0}insécable et fine\u{202f}: 12 €",
    "مرحبا بالعالم",
    "e\u{301}tude décomposée",
    "{\"json\": [1, 2]}",
    " bords ",
    "null",
    "𝟙 000 €",
    "\u{feff}marque",
    "50% \\x41 $1 %s {0}",
    "\u{1}contrôle\u{1f}",
];

const TRADES: &[&str] =
    &["Menuiserie", "Boulangerie", "Atelier", "Garage", "Cabinet", "Librairie", "Transports", "Éditions", "Brasserie"];
const NAMES: &[&str] = &[
    "Dupont",
    "Lefèvre",
    "Nguyen",
    "Garçon",
    "Müller",
    "Benali",
    "Le Goff",
    "D'Angelo",
    "Ruiz-Peña",
    "Étienne",
    "Noël",
    "Kaya",
    "Søren",
];
const FIRST_NAMES: &[&str] = &["Zoé", "Jean-Noël", "Aïcha", "Anaïs", "Loïc", "Mai Linh", "François", "Eléonore"];
const OBJECTS: &[&str] =
    &["Prestation", "Abonnement", "Loyer", "Fournitures", "Acompte", "Maintenance", "Formation", "Livraison"];
const CITIES: &[(&str, &str)] = &[
    ("75011", "Paris"),
    ("69003", "Lyon"),
    ("13001", "Marseille"),
    ("2A004", "Ajaccio"),
    ("59000", "Lille"),
    ("", ""),
];

pub(crate) fn pick<'a, T>(from: &'a [T], rng: &mut impl Rng) -> &'a T {
    &from[rng.random_range(0..from.len())]
}

/// A label: mostly plain, sometimes awkward, sometimes 300 characters long.
pub(crate) fn label(rng: &mut impl Rng) -> String {
    match rng.random_range(0..20) {
        0 => (*pick(AWKWARD, rng)).to_owned(),
        1 => {
            let word = pick(OBJECTS, rng);
            format!("{word} à détailler, ").repeat(40).chars().take(300).collect()
        }
        _ => format!("{} {} n° {}", pick(OBJECTS, rng), pick(NAMES, rng), rng.random_range(1..10_000)),
    }
}

pub(crate) fn company_name(rng: &mut impl Rng) -> String {
    if rng.random_ratio(1, 15) {
        let name = pick(AWKWARD, rng);
        return if name.is_empty() { "X".to_owned() } else { (*name).to_owned() };
    }
    format!("{} {} {}", pick(TRADES, rng), pick(NAMES, rng), pick(&["SARL", "SAS", "& Fils", "EURL", "GmbH"], rng))
}

pub(crate) fn digits(count: usize, rng: &mut impl Rng) -> String {
    (0..count).map(|_| char::from(b'0' + rng.random_range(0..10u8))).collect()
}

pub(crate) fn uuid(rng: &mut impl Rng) -> String {
    let bits: u128 = rng.random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[0..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn email(rng: &mut impl Rng) -> String {
    format!(
        "{}.{}@example.{}",
        pick(&["zoe", "compta", "j.noel", "élise"], rng),
        digits(3, rng),
        pick(&["fr", "com"], rng)
    )
}

/// A text that suits a field of this name.
pub(crate) fn for_field(name: &str, rng: &mut impl Rng) -> String {
    let maybe_empty =
        |text: String, rng: &mut dyn rand::RngCore| if rng.random_ratio(1, 8) { String::new() } else { text };
    match name {
        "name" | "recipient" => company_name(rng),
        "first_name" => (*pick(FIRST_NAMES, rng)).to_owned(),
        "last_name" => (*pick(NAMES, rng)).to_owned(),
        "email" | "emails" | "electronic_billing_address" => email(rng),
        "phone" => maybe_empty(format!("+33{}", digits(9, rng)), rng),
        "vat_number" => maybe_empty(format!("FR{}", digits(11, rng)), rng),
        "reg_no" => digits(9, rng),
        "establishment_no" => digits(14, rng),
        "iban" | "billing_iban" => maybe_empty(format!("FR76{}", digits(23, rng)), rng),
        "postal_code" => pick(CITIES, rng).0.to_owned(),
        "city" => pick(CITIES, rng).1.to_owned(),
        "country_alpha2" => (*pick(&["FR", "FR", "FR", "DE", "BE", "GP", "US"], rng)).to_owned(),
        "address" => maybe_empty(format!("{} rue de l'Église", rng.random_range(1..200)), rng),
        "external_reference" => uuid(rng),
        "filename" | "ledger_attachment_filename" => format!("pièce {}.pdf", digits(5, rng)),
        "path" => format!("/Factures/{}/à traiter.pdf", rng.random_range(2024..=2026)),
        "unit" => (*pick(&["", "heure", "pièce", "m²", "kg"], rng)).to_owned(),
        "reference" | "purchase_order_reference" | "sales_order_reference" | "piece_number" => {
            format!("{}-{}", pick(&["REF", "CMD", "BC", "É"], rng), digits(6, rng))
        }
        "code" => digits(3, rng),
        "analytical_code" => format!("AN{}", digits(3, rng)),
        "interbank_code" => (*pick(&["05", "18", "B1", "62"], rng)).to_owned(),
        "card_masked_number" => format!("**** **** **** {}", digits(4, rng)),
        "banking_provider" => (*pick(&["bridge", "gocardless", "swan"], rng)).to_owned(),
        "provider_field_name" => (*pick(&["label", "reference"], rng)).to_owned(),
        _ => label(rng),
    }
}
