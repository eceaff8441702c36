use mio::Token;

use super::Table;

#[test]
fn a_token_leads_to_its_value_as_long_as_that_is_there() {
    let mut table = Table::new();
    let (a, b) = (table.insert('a'), table.insert('b'));
    assert_eq!(table.get(a), Some(&mut 'a'));
    assert_eq!(table.remove(a), Some('a'));
    assert_eq!(table.get(a), None);
    assert_eq!(table.remove(a), None);
    let c = table.insert('c');
    assert_eq!(table.get(a), None);
    assert_eq!(table.get(b), Some(&mut 'b'));
    assert_eq!(table.get(c), Some(&mut 'c'));
    assert_eq!(table.tokens().collect::<Vec<_>>(), [c, b]);
}

#[test]
fn a_place_that_changes_hands_often_has_many_tokens() {
    let mut table = Table::new();
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..1000 {
        let token = table.insert(n);
        assert!(token.0 < Table::<i32>::RESERVED && seen.insert(token));
        table.remove(token);
    }
}

#[test]
fn no_reserved_token_leads_anywhere() {
    let mut table = Table::new();
    table.insert(());
    for n in 0..10 {
        assert_eq!(table.get(Token(usize::MAX - n)), None);
    }
}
