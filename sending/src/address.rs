//! Where notifications may be sent: no address of the house, unless it is allowed by range.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: u128,
    bits: u32,
    is_v4: bool,
}

/// What is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of addresses, such as 10.0.0.0/8 or fd00::/8")]
pub struct NoRange(String);

impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let wrong = || NoRange(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > width {
            return Err(wrong());
        }
        Ok(Self::of(address, bits))
    }
}

impl Range {
    const fn of(address: IpAddr, bits: u32) -> Self {
        match address {
            IpAddr::V4(v4) => Self { first: v4.to_bits() as u128, bits, is_v4: true },
            IpAddr::V6(v6) => Self { first: v6.to_bits(), bits, is_v4: false },
        }
    }

    const fn v4(a: u8, b: u8, c: u8, bits: u32) -> Self {
        Self::of(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), bits)
    }

    const fn v6(first: u16, second: u16, bits: u32) -> Self {
        Self::of(IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)), bits)
    }

    /// Whether an address is in it.
    pub fn holds(self, address: IpAddr) -> bool {
        let (value, width) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let rest = width - self.bits.min(width);
        let cut = |value: u128| value.checked_shr(rest).unwrap_or(0);
        self.is_v4 == address.is_ipv4() && cut(value) == cut(self.first)
    }
}

/// What is not on the public internet.
#[rustfmt::skip] // It is a table.
const REFUSED: &[Range] = &[
    Range::v4(0, 0, 0, 8),          // this network
    Range::v4(10, 0, 0, 8),         // private
    Range::v4(100, 64, 0, 10),      // shared by a provider; metadata of one cloud
    Range::v4(127, 0, 0, 8),        // loopback
    Range::v4(169, 254, 0, 16),     // link-local; metadata of clouds
    Range::v4(172, 16, 0, 12),      // private
    Range::v4(192, 0, 0, 24),       // protocols; metadata of one cloud
    Range::v4(192, 0, 2, 24),       // documentation
    Range::v4(192, 88, 99, 24),     // 6to4 relays
    Range::v4(192, 168, 0, 16),     // private
    Range::v4(198, 18, 0, 15),      // benchmarks
    Range::v4(198, 51, 100, 24),    // documentation
    Range::v4(203, 0, 113, 24),     // documentation
    Range::v4(224, 0, 0, 4),        // multicast
    Range::v4(240, 0, 0, 4),        // reserved, broadcast
];

/// Of IPv6 only what is global unicast is called at all, and of it not these.
#[rustfmt::skip] // It is a table.
const REFUSED_V6: &[Range] = &[
    Range::v6(0x2001, 0,      23),  // protocols, Teredo
    Range::v6(0x2001, 0x0db8, 32),  // documentation
    Range::v6(0x3fff, 0,      20),  // documentation
    Range::v6(0x5f00, 0,      16),  // segment routing
];
const GLOBAL_UNICAST: Range = Range::v6(0x2000, 0, 3);
const NAT64: Range = Range::v6(0x0064, 0xff9b, 96);
const SIX_TO_FOUR: Range = Range::v6(0x2002, 0, 16);

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address {0} is not public, and not allowed by `allowed_ranges`")]
pub struct Refused(pub IpAddr);

/// Which addresses may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vetting {
    allowed: Vec<Range>,
}

impl Vetting {
    /// What is public, and these ranges.
    pub const fn allowing(allowed: Vec<Range>) -> Self {
        Self { allowed }
    }

    /// Whether an address may be called. One of IPv4 within one of IPv6 is judged as what it is.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn vet(&self, address: IpAddr) -> Result<(), Refused> {
        let plain = match address {
            IpAddr::V6(v6) => within(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let is_allowed =
            self.allowed.iter().any(|range| range.holds(plain) || range.holds(address));
        if is_allowed || is_public(plain) { Ok(()) } else { Err(Refused(address)) }
    }

    /// All of a name's addresses, if all may be called: a name that leads here and there is none to
    /// trust.
    ///
    /// # Errors
    /// [`Refused`] for the first that may not.
    pub fn vet_all<A: AsRef<[IpAddr]>>(&self, addresses: A) -> Result<(), Refused> {
        addresses.as_ref().iter().try_for_each(|address| self.vet(*address))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match u32::try_from(self.first) {
            Ok(bits) if self.is_v4 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(self.first)),
        };
        write!(f, "{address}/{}", self.bits)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !REFUSED.iter().any(|range| range.holds(address)),
        IpAddr::V6(_) => {
            GLOBAL_UNICAST.holds(address) && !REFUSED_V6.iter().any(|range| range.holds(address))
        }
    }
}

/// The address of IPv4 that one of IPv6 leads to: mapped, compatible, by NAT64 or by 6to4.
fn within(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, a, b, .., y, z] = v6.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return Some(mapped);
    }
    if SIX_TO_FOUR.holds(v6.into()) {
        return Some(of(a, b));
    }
    let is_compatible = v6.to_bits() >> 32 == 0 && v6.to_bits() > 1;
    (is_compatible || NAT64.holds(v6.into())).then(|| of(y, z))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_called(vetting: &Vetting, address: &str) -> bool {
        vetting.vet(address.parse().unwrap()).is_ok()
    }

    #[test]
    #[rustfmt::skip] // It is a table.
    fn addresses_of_the_house_are_refused() {
        for (address, is_public) in [
            ("93.184.216.34",           true),
            ("2606:2800:220:1::1",      true),
            ("127.0.0.1",               false),
            ("127.9.9.9",               false),
            ("0.0.0.0",                 false),
            ("10.1.2.3",                false),
            ("172.16.0.1",              false),
            ("172.32.0.1",              true),
            ("192.168.1.1",             false),
            ("169.254.169.254",         false),
            ("100.100.100.200",         false),
            ("192.0.0.192",             false),
            ("224.0.0.1",               false),
            ("255.255.255.255",         false),
            ("::",                      false),
            ("::1",                     false),
            ("fe80::1",                 false),
            ("fc00::1",                 false),
            ("fd00:ec2::254",           false),
            ("ff02::1",                 false),
            ("2001:db8::1",             false),
            ("::ffff:127.0.0.1",        false),
            ("::ffff:93.184.216.34",    true),
            ("::ffff:169.254.169.254",  false),
            ("::7f00:1",                false),
            ("64:ff9b::7f00:1",         false),
            ("64:ff9b::5db8:d822",      true),
            ("2002:7f00:1::",           false),
        ] {
            assert_eq!(is_called(&Vetting::default(), address), is_public, "{address}");
        }
    }

    #[test]
    fn what_is_allowed_by_range_is_called_and_nothing_beside_it() {
        let ranges = ["10.20.0.0/16", "::1"].map(|range| range.parse().unwrap());
        let vetting = Vetting::allowing(ranges.to_vec());
        for (address, may) in [
            ("10.20.255.1", true),
            ("10.21.0.1", false),
            ("::ffff:10.20.0.1", true),
            ("::1", true),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_called(&vetting, address), may, "{address}");
        }
        assert_eq!(ranges[0].to_string(), "10.20.0.0/16");
    }

    #[test]
    fn one_address_of_the_house_spoils_a_name() {
        let addresses = ["93.184.216.34", "10.0.0.1"].map(|it| it.parse().unwrap());
        assert_eq!(Vetting::default().vet_all(addresses), Err(Refused(addresses[1])));
    }

    #[test]
    fn what_is_no_range_is_said() {
        for wrong in ["", "10.0.0.0/33", "ten", "10.0.0.0/", "::/129"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
