use crate::config::expires_value;

#[test]
fn values_of_variables() {
    for (text, expected) in [
        ("off", "Some(Off)"),
        ("epoch", "Some(Epoch)"),
        ("max", "Some(Max)"),
        ("1h30m", "Some(After(5400))"),
        ("-1", "Some(After(-1))"),
        ("0", "Some(After(0))"),
        ("modified 1d", "Some(Modified(86400))"),
        ("+1h", "Some(After(3600))"),
        ("modified +24h", "Some(Modified(86400))"),
        ("+-1h", "None"),
        ("modified -1d", "Some(Modified(-86400))"),
        ("@15h30m", "Some(Daily(55800))"),
        ("", "None"),
        ("soon", "None"),
        ("@25h", "None"),
        ("modified off", "None"),
        ("modified @3h", "None"),
        ("$x", "None"),
    ] {
        assert_eq!(format!("{:?}", expires_value(text)), expected, "{text:?}");
    }
}
