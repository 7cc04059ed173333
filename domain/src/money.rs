//! Money: whole minor units of one currency, with checked arithmetic.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A currency of ISO 4217, written as its three letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The currency of a three-letter code in capitals; `None` if ISO 4217 does not list it.
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit has: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u16 {
        self.0.exponent().unwrap_or(0)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_code(&code)
            .ok_or_else(|| D::Error::custom(format!("`{code}` is no ISO 4217 currency code")))
    }
}

/// An amount that is never negative: the kind of a step says which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Whole minor units (cents for USD). Range: 0 to `i64::MAX`.
    pub minor: i64,
    /// The currency in which [`Self::minor`] counts.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        if digits == 0 {
            return write!(f, "{} {}", self.minor, self.currency);
        }
        let padded = format!("{:0>width$}", self.minor, width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        write!(f, "{whole}.{fraction} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_with_the_decimals_of_its_currency() {
        for (code, minor, shown) in [
            ("USD", 3451, "34.51 USD"),
            ("USD", 5, "0.05 USD"),
            ("JPY", 5000, "5000 JPY"),
            ("KWD", 12_345, "12.345 KWD"),
        ] {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!(Money { minor, currency }.to_string(), shown);
        }
    }

    #[test]
    fn an_unlisted_currency_is_refused() {
        assert_eq!(Currency::from_code("usd"), None);
        assert!(serde_json::from_str::<Currency>("\"ZZZ\"").is_err());
    }
}
