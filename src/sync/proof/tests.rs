//! One cent in one account is found and named once, whatever form the trial balances have.

use super::*;
use proptest::prelude::*;

fn balance(number: &str, debit: i64, credit: i64) -> Balance {
    Balance {
        number: number.into(),
        debit: BigDecimal::new(debit.into(), 2),
        credit: BigDecimal::new(credit.into(), 2),
    }
}

fn sides(debit: i64, credit: i64) -> Sides {
    Sides { debit: BigDecimal::new(debit.into(), 2), credit: BigDecimal::new(credit.into(), 2) }
}

/// The accounts that differ, with their differences in cents.
fn differing(accounts: &[Compared]) -> Vec<(String, String, String)> {
    let shown = |account: &Compared| {
        let difference = account.difference();
        (account.account.clone(), difference.debit.to_plain_string(), difference.credit.to_plain_string())
    };
    accounts.iter().filter(|account| account.differs()).map(shown).collect()
}

const OURS: &[(&str, i64, i64)] = &[
    ("411DUPONT", 1000, 300),
    ("411MARTIN", 500, 0),
    ("401EDF", 0, 250),
    ("512000", 300, 250),
    ("512100", 10, 0),
    ("606000", 250, 0),
    ("606300", 1, 0),
    ("707000", 0, 1261),
];

fn ours() -> Vec<Balance> {
    OURS.iter().map(|(number, debit, credit)| balance(number, *debit, *credit)).collect()
}

/// Collectives in place of customers and suppliers.
fn general() -> Vec<Balance> {
    vec![
        balance("411000", 1500, 300),
        balance("401000", 0, 250),
        balance("512000", 300, 250),
        balance("512100", 10, 0),
        balance("606000", 250, 0),
        balance("606300", 1, 0),
        balance("707000", 0, 1261),
    ]
}

fn collectives() -> Vec<Balance> {
    vec![balance("411000", 1500, 300), balance("401000", 0, 250)]
}

/// Every form that an auxiliary trial balance may have.
fn auxiliaries() -> Vec<(&'static str, Vec<Balance>)> {
    let padded = ours().into_iter().map(|row| Balance { number: format!("{:0<9}", row.number), ..row }).collect();
    vec![
        ("one by one", ours()),
        ("one by one, and their collectives too", [ours(), collectives()].concat()),
        ("the parameter ignored", general()),
        ("padded", padded),
    ]
}

#[test]
fn every_form_of_a_right_trial_balance_shows_no_difference() {
    for (form, auxiliary) in auxiliaries() {
        let found = compare(&ours(), &general(), &auxiliary, Some(sides(2061, 2061)));
        assert_eq!(differing(&found), [], "{form}");
        assert!(found.iter().any(|account| account.account == FEC), "{form}");
    }
}

#[test]
fn a_cent_in_one_account_is_named_once_and_only_there() {
    for (place, (number, ..)) in OURS.iter().enumerate() {
        let mut ours_off = ours();
        ours_off[place].debit += BigDecimal::new(1.into(), 2);
        let found = compare(&ours_off, &general(), &ours(), Some(sides(2061, 2061)));
        let named = [((*number).to_owned(), "0.01".to_owned(), "0.00".to_owned())];
        assert_eq!(differing(&found), named);
    }
}

#[test]
fn accounts_that_only_one_side_has_are_named() {
    let mut fewer = ours();
    fewer.remove(7);
    let shown = |debit: &str, credit: &str| vec![("707000".to_owned(), debit.to_owned(), credit.to_owned())];
    let theirs_lack_it: Vec<Balance> = general().into_iter().filter(|row| row.number != "707000").collect();
    assert_eq!(differing(&compare(&ours(), &theirs_lack_it, &fewer, None)), shown("0.00", "12.61"));
    assert_eq!(differing(&compare(&fewer, &general(), &ours(), None)), shown("0.00", "-12.61"));
}

#[test]
fn what_was_moved_between_an_account_and_the_one_that_it_begins_with_is_named() {
    let ours = [balance("606000", 200, 0), balance("606300", 100, 0)];
    let named = |theirs: &[Balance]| {
        let found = differing(&compare(&ours, theirs, theirs, None));
        found.into_iter().map(|(account, debit, _)| (account, debit)).collect::<Vec<_>>()
    };
    let shown = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(account, debit)| ((*account).to_owned(), (*debit).to_owned())).collect()
    };
    assert_eq!(named(&[balance("606000", 300, 0)]), shown(&[("606000", "-1.00"), ("606300", "1.00")]));
    assert_eq!(named(&[balance("606000", 200, 0)]), shown(&[("606300", "1.00")]), "an account that they have no more");
    let ours_low = [balance("606300", 100, 0)];
    let theirs = [balance("606000", 100, 0), balance("606300", 100, 0)];
    assert_eq!(differing(&compare(&ours_low, &theirs, &theirs, None)).len(), 1, "not the sum of the one below");
}

#[test]
fn a_general_balance_that_disagrees_with_the_auxiliary_one_is_named() {
    let mut general = general();
    general[0].debit += BigDecimal::new(7.into(), 2);
    let found = differing(&compare(&ours(), &general, &ours(), None));
    assert_eq!(found, [("411000".to_owned(), "-0.07".to_owned(), "0.00".to_owned())]);
}

#[test]
fn a_fec_that_is_off_by_itself_is_named() {
    let found = differing(&compare(&ours(), &general(), &ours(), Some(sides(2061, 2060))));
    assert_eq!(found, [(FEC.to_owned(), "0.00".to_owned(), "0.01".to_owned())]);
}

proptest! {
    /// Whatever the accounts, the differences named add up to the difference of the whole: nothing is lost on the way.
    #[test]
    fn the_differences_named_add_up_to_the_whole_difference(
        ours in prop::collection::vec(("[1-7][0-9]{2}[0A-C]{0,3}", 0_i64..1000, 0_i64..1000), 0..12),
        theirs in prop::collection::vec(("[1-7][0-9]{2}[0A-C]{0,3}", 0_i64..1000, 0_i64..1000), 0..12),
    ) {
        let list = |rows: &[(String, i64, i64)]| -> Vec<Balance> {
            rows.iter().map(|(number, debit, credit)| balance(number, *debit, *credit)).collect()
        };
        let (ours, theirs) = (rows(&list(&ours)), rows(&list(&theirs)));
        let found = against(&ours, &theirs);
        let counted: BTreeMap<&str, ()> = ours.keys().filter_map(|account| row_of(&theirs, account)).map(|row| (row, ())).collect();
        // Rows that no account counts towards may sum up others: they are left out of both sums.
        let alone = |row: &str| theirs.contains_key(row) && !counted.contains_key(row);
        let named = found.iter().filter(|(row, _)| !alone(row)).fold(Sides::zero(), |sum, (_, account)| sum + &account.difference());
        let all = ours.values().fold(Sides::zero(), |sum, (_, sides)| sum + sides);
        let shown = theirs.iter().filter(|(row, _)| !alone(row)).fold(Sides::zero(), |sum, (_, (_, sides))| sum + sides);
        prop_assert_eq!(named, &all - &shown);
    }
}
