//! What a script is told (RFC 3875, section 4.1).

use std::borrow::Cow;

use h1_core::Fields;

/// The variables of a script. It starts with none but these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    vars: Vec<(Cow<'static, str>, Vec<u8>)>,
}

/// Fields that no script gets as `HTTP_…`: they are variables of their own, for the connection alone (RFC 9110,
/// section 7.6.1), or would be taken for something else (`HTTP_PROXY`).
const KEPT_BACK: [&str; 13] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "keep-alive",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Environment {
    /// Sets a variable; one that is set already gets this value. No environment can hold a NUL: such
    /// a value is left out.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Vec<u8>>) {
        let (name, value) = (name.into(), value.into());
        if value.contains(&0) {
            return;
        }
        match self.vars.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.vars.push((name, value)),
        }
    }

    /// Names and values, each name once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.vars
            .iter()
            .map(|(name, value)| (&**name, value.as_slice()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let mut vars = self.iter();
        vars.find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Adds the fields of a request as `HTTP_…`. Names have letters, digits and hyphens alone, so that no
    /// two fields can become one variable; fields of the same name are one list.
    pub(crate) fn add_fields(&mut self, fields: &Fields<'_>, authorization: bool) {
        let first = self.vars.len();
        let mut name = String::new();
        for (field, value) in fields.iter() {
            let hidden = !authorization && field.eq_ignore_ascii_case("authorization");
            if hidden || !is_plain(field) || is_kept_back(field) || is_for_next_hop(fields, field) {
                continue;
            }
            name.clear();
            name.push_str("HTTP_");
            name.extend(field.chars().map(|char| match char {
                '-' => '_',
                char => char.to_ascii_uppercase(),
            }));
            let mut added = self.vars[first..].iter_mut();
            match added.find(|(known, _)| *known == name) {
                Some((_, list)) => {
                    let separator: &[u8] = match name.as_str() {
                        "HTTP_COOKIE" => b"; ",
                        _ => b", ",
                    };
                    list.extend_from_slice(separator);
                    list.extend_from_slice(value);
                }
                None => self.vars.push((name.clone().into(), value.to_vec())),
            }
        }
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_kept_back(name: &str) -> bool {
    KEPT_BACK
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

fn is_for_next_hop(fields: &Fields<'_>, name: &str) -> bool {
    fields
        .tokens("connection")
        .any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests;
