//! PCRE's syntax means what PCRE means by it, where the two differ.

use crate::config::pattern::{PatternList, Patterns};
use crate::config::source::Span;
use crate::config::variables::Variables;

#[test]
fn what_matches() {
    for (pattern, text, matches) in [
        // Braces that count nothing, classes in classes, operations on sets: themselves.
        ("^a{2}$", "aa", true),
        ("^{a}$", "{a}", true),
        ("^a{,2}$", "a{,2}", true),
        ("^a{2,$", "a{2,", true),
        ("^[a[]$", "[", true),
        ("^[[:digit:]x]+$", "1x", true),
        ("^[]a]$", "]", true),
        ("^[^]a]$", "b", true),
        ("^[a-z&&b]$", "&", true),
        ("^[a~~b]$", "~", true),
        ("^[+--]$", ",", true),
        (r"^\<a\>$", "<a>", true),
        (r"^\x{41}$", "A", true),
        (r"^a\/b\-c\_$", "a/b-c_", true),
        // Bytes, not characters.
        ("^.$", "ä", false),
        ("^..$", "ä", true),
        (r"^\w$", "ä", false),
        ("^ä$", "ä", true),
        ("^(?i)a$", "A", true),
        // A line break is no end.
        ("^a$", "a\n", false),
    ] {
        let span = Span::new(0, 0, 0);
        let compiled = Patterns::default().compile(pattern, false, span, &mut Variables::default());
        let regex = compiled.unwrap().regex;
        assert_eq!(
            regex.is_match(text.as_bytes()),
            matches,
            "{pattern} {text:?}"
        );
    }
}

#[test]
fn possessive_quantifiers_are_refused() {
    for (pattern, taken) in [
        ("a++", false),
        ("^a*+b$", false),
        ("a?+", false),
        ("[a-z]{2,3}+", false),
        (r"\++", true),
        (r"\*+", true),
        ("[+*]+", true),
        ("[*+]", true),
        ("[[:digit:]*]+", true),
        (r"\x{41}+", true),
        ("{a}+", true),
        ("a+?", true),
        ("(a+)+", true),
    ] {
        let span = Span::new(0, 0, 0);
        let compiled = Patterns::default().compile(pattern, false, span, &mut Variables::default());
        assert_eq!(compiled.is_ok(), taken, "{pattern}");
    }
}

/// However they are searched, the first one that matches is found.
#[test]
fn the_first_of_many() {
    let many = [
        r"^/static/",
        r"\.PHP$",
        r"^/(?<user>[a-z]+)/[0-9]+$",
        r"\.(gif|jpe?g|png)$",
        r"^{a}$",
        r"[0-9]+",
        r"(?i)^/Upper$",
        r"^..$",
        r"png",
        r"/$",
    ];
    let with_comment = [&many[..], &["(?x) ^/x $ # this one\n"]].concat();
    let open_end = [&many[..], &["(?x) ^/x $ # this one"]].concat();
    for texts in [&many[..7], &many, &with_comment, &open_end] {
        for caseless in [false, true] {
            let compile = |text: &&str| {
                let span = Span::new(0, 0, 0);
                let compiled =
                    Patterns::default().compile(text, caseless, span, &mut Variables::default());
                compiled.unwrap()
            };
            let patterns: Vec<_> = texts.iter().map(compile).collect();
            let list = PatternList::new(patterns.iter());
            for text in [
                "/static/a.php",
                "/a.php",
                "/joe/12",
                "/joe/12.png",
                "{a}",
                "/A.PNG",
                "/upper",
                "\u{e4}",
                "/x",
                "/dir/",
                "",
                "nothing",
            ] {
                let matches = |at: usize| patterns[at].regex.is_match(text.as_bytes());
                let expected = (0..patterns.len()).find(|at| matches(*at));
                assert_eq!(list.first(text.as_bytes(), matches), expected, "{text}");
            }
        }
    }
}
