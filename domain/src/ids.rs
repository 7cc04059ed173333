//! Identifiers as lenders write them, brought to one spelling.

/// One spelling for an identifier: UUID-shaped ones in lower case, all others as they came.
///
/// Lenders send the same UUID in capitals in one webhook and in small letters in another.
/// Source: Imprint, "Event notifications", examples of PAYMENT_METHOD and TRANSACTION.
pub fn canonical(id: &str) -> String {
    if is_uuid_shaped(id) { id.to_ascii_lowercase() } else { id.to_owned() }
}

fn is_uuid_shaped(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uuids_change_their_case() {
        let upper = "2EE24580-B97B-4949-A65C-929CCB9B9B8D";
        assert_eq!(canonical(upper), upper.to_lowercase());
        assert_eq!(canonical("PARTNER_USER_456"), "PARTNER_USER_456");
        assert_eq!(canonical(" Ab "), " Ab ");
    }
}
