//! The hashes of passwords that nginx knows, but for DES and yescrypt.

use std::time::Duration;

use base64::Engine;
use md5::Md5;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::BASE64;

/// A longer password is none, as for crypt(3): some hashes take the square of its length.
const PASSWORD_MAX: usize = 512;

/// The highest cost of bcrypt that is tried: about 3 seconds.
const BCRYPT_MAX: u32 = 16;

/// The most rounds of sha-crypt that are tried.
const ROUNDS_MAX: u64 = 5_000_000;

/// Whether `hash` was made of `password`.
pub(super) fn matches(hash: &str, password: &[u8]) -> bool {
    if password.len() > PASSWORD_MAX {
        return false;
    }
    let same = |wanted: &[u8], is: &[u8]| bool::from(wanted.ct_eq(is));
    if let Some(plain) = hash.strip_prefix("{PLAIN}") {
        // The length is no secret that is worth much.
        return same(plain.as_bytes(), password);
    }
    if let Some(digest) = hash.strip_prefix("{SHA}") {
        return decode(digest).is_some_and(|wanted| same(&wanted, &Sha1::digest(password)));
    }
    if let Some(digest) = hash.strip_prefix("{SSHA}") {
        let decoded = decode(digest);
        let parts = decoded.as_ref().and_then(|it| it.split_at_checked(20));
        return parts.is_some_and(|(wanted, salt)| {
            let made = Sha1::new().chain_update(password).chain_update(salt);
            same(wanted, &made.finalize())
        });
    }
    for magic in ["$apr1$", "$1$"] {
        if let Some((salt, wanted)) = hash.strip_prefix(magic).and_then(|it| it.split_once('$')) {
            let made = md5_crypt(password, magic.as_bytes(), salt.as_bytes());
            return same(wanted.as_bytes(), made.as_bytes());
        }
    }
    if let Some(cost) = bcrypt_cost(hash) {
        return cost <= BCRYPT_MAX && bcrypt::verify(password, hash).unwrap_or(false);
    }
    let rounds = sha_rounds(hash);
    rounds.is_some_and(|rounds| rounds <= ROUNDS_MAX)
        && ShaCrypt::default().verify_password(password, hash).is_ok()
}

/// About how long that takes.
pub(super) fn cost(hash: &str) -> Duration {
    let micros = match (bcrypt_cost(hash), sha_rounds(hash)) {
        (Some(cost), _) if cost <= BCRYPT_MAX => 50 << cost,
        (_, Some(rounds)) if rounds <= ROUNDS_MAX => rounds,
        _ if hash.starts_with('$') => 500,
        _ => 0,
    };
    Duration::from_micros(micros)
}

fn decode(digest: &str) -> Option<Vec<u8>> {
    BASE64.decode(digest.trim_ascii()).ok()
}

/// Its logarithm.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let kinds = ["$2a$", "$2b$", "$2y$", "$2x$"];
    let rest = kinds.into_iter().find_map(|kind| hash.strip_prefix(kind))?;
    rest.get(..2)?.parse().ok()
}

fn sha_rounds(hash: &str) -> Option<u64> {
    let rest = hash.strip_prefix("$5$").or(hash.strip_prefix("$6$"))?;
    match rest.strip_prefix("rounds=") {
        None => Some(5000),
        Some(rounds) => rounds.split('$').next()?.parse().ok(),
    }
}

/// The MD5 of crypt(3), and with another `magic` that of Apache.
fn md5_crypt(password: &[u8], magic: &[u8], salt: &[u8]) -> String {
    let salt = &salt[..salt.len().min(8)];
    let alternate = Md5::new().chain_update(password).chain_update(salt);
    let alternate = alternate.chain_update(password).finalize();
    let mut whole = Md5::new();
    for part in [password, magic, salt] {
        whole.update(part);
    }
    for piece in password.chunks(alternate.len()) {
        whole.update(&alternate[..piece.len()]);
    }
    let mut left = password.len();
    while left > 0 {
        match left & 1 {
            1 => whole.update([0]),
            _ => whole.update(&password[..1]),
        }
        left >>= 1;
    }
    let mut digest = whole.finalize();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let (first, last): (&[u8], &[u8]) = match odd {
            true => (password, &digest),
            false => (&digest, password),
        };
        let mut next = Md5::new();
        next.update(first);
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(last);
        digest = next.finalize();
    }
    encode(&digest)
}

/// The digits of crypt(3), in its order of bytes.
fn encode(digest: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let groups = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)];
    let words = groups.map(|(a, b, c)| (byte(a) << 16 | byte(b) << 8 | byte(c), 4));
    let mut text = String::new();
    for (word, digits) in words.into_iter().chain([(byte(11), 2)]) {
        for digit in 0..digits {
            text.push(char::from(DIGITS[(word >> (6 * digit)) as usize & 63]));
        }
    }
    text
}
