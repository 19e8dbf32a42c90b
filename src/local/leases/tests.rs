//! Lease files as each server writes them.

use super::*;

/// The entries as `ADDRESS NAME UNTIL`, with the end of the hardware address where there is one.
fn entries(found: &Found) -> Vec<String> {
    let line = |entry: &super::super::lines::Entry| {
        let until = entry
            .until_s
            .map_or("-".to_owned(), |until| until.to_string());
        let name = entry
            .names
            .first()
            .map_or("-".to_owned(), ToString::to_string);
        let mac = entry.mac.map_or(String::new(), |mac| {
            assert_eq!(mac[..5], [0xaa, 0xbb, 0xcc, 0xdd, 0xee]);
            format!(" :{:02x}", mac[5])
        });
        format!("{} {name} {until}{mac}", entry.address)
    };
    found.entries.iter().map(line).collect()
}

fn lines(found: &Found) -> Vec<usize> {
    found.problems.iter().map(|problem| problem.line).collect()
}

#[test]
fn dnsmasq_leases_are_read() {
    let found = read(
        "1795694400 aa:bb:cc:dd:ee:01 192.0.2.10 Kids-Tablet 01:aa:bb:cc:dd:ee:01\n\
         0 aa:bb:cc:dd:ee:02 192.0.2.11 nas *\n\
         1795694400 aa:bb:cc:dd:ee:03 192.0.2.12 * *\n\
         43200 aa:bb:cc:dd:ee:04 192.0.2.13 camera *\n\
         soon aa:bb:cc:dd:ee:05 192.0.2.14 printer *\n\
         1795694400 aa:bb:cc:dd:ee:06 192.0.2.15 <script> *\n\
         duid 00:01:00:01:2c:aa\n\
         1795694400 12345 2001:db8::10 kids-tablet 00:01\n",
    );
    assert_eq!(
        entries(&found),
        [
            "192.0.2.10 kids-tablet 1795694400 :01",
            "192.0.2.11 nas - :02",
            "192.0.2.12 - 1795694400 :03",
            "192.0.2.13 camera - :04",
            "2001:db8::10 kids-tablet 1795694400",
        ]
    );
    assert_eq!(lines(&found), [5, 6]);
}

#[test]
fn kea_leases_are_read_and_the_last_line_of_an_address_holds() {
    let found = read(
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n\
         192.0.2.10,aa:bb:cc:dd:ee:01,,3600,1795694400,1,0,0,old-name,0,,0\n\
         192.0.2.11,aa:bb:cc:dd:ee:02,,3600,1795694400,1,0,0,gone,0,,0\n\
         192.0.2.12,aa:bb:cc:dd:ee:03,,3600,1795694400,1,0,0,declined,1,,0\n\
         192.0.2.10,aa:bb:cc:dd:ee:01,,3600,1795698000,1,0,0,phone.lan.,0,,0\n\
         192.0.2.11,aa:bb:cc:dd:ee:02,,0,1795694400,1,0,0,gone,0,,0\n\
         192.0.2.13,aa:bb:cc:dd:ee:04,,3600,never,1,0,0,odd,0,,0\n\
         nonsense\n",
    );
    assert_eq!(entries(&found), ["192.0.2.10 phone 1795698000 :01"]);
    assert_eq!(lines(&found), [7, 8]);
}

#[test]
fn kea_leases_of_ipv6_are_read_but_for_prefixes() {
    let found = read(
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state\n\
         2001:db8::10,00:01,3600,1795694400,1,1800,0,1,128,0,0,tv,,0\n\
         2001:db8:1::,00:01,3600,1795694400,1,1800,2,1,56,0,0,router,,0\n",
    );
    assert_eq!(entries(&found), ["2001:db8::10 tv 1795694400"]);
}

#[test]
fn isc_leases_are_read_and_the_last_block_of_an_address_holds() {
    let found = read(
        "# The format of this file is documented in the dhcpd.leases(5) manual page.\n\
         authoring-byte-order little-endian;\n\
         lease 192.0.2.10 {\n\
         \x20 starts 4 2026/11/26 11:00:00;\n\
         \x20 ends 4 2026/11/26 12:00:00;\n\
         \x20 binding state active;\n\
         \x20 next binding state free;\n\
         \x20 hardware ethernet aa:bb:cc:dd:ee:01;\n\
         \x20 client-hostname \"Old\";\n\
         }\n\
         lease 192.0.2.11 {\n\
         \x20 ends never;\n\
         \x20 binding state active;\n\
         \x20 client-hostname \"nas\";\n\
         }\n\
         lease 192.0.2.10 {\n\
         \x20 ends epoch 1795698000; # Thu Nov 26 13:00:00 2026\n\
         \x20 binding state active;\n\
         \x20 hardware ethernet aa:bb:cc:dd:ee:02;\n\
         \x20 client-hostname \"phone\";\n\
         }\n\
         lease 192.0.2.12 {\n\
         \x20 ends 4 2026/11/26 12:00:00;\n\
         \x20 binding state free;\n\
         \x20 client-hostname \"gone\";\n\
         }\n\
         lease 192.0.2.x {\n\
         \x20 ends tomorrow;\n\
         }\n\
         lease 192.0.2.13 {\n\
         \x20 ends 4 2026/11/26 12:00:00;\n\
         \x20 client-hostname \"tv\";\n\
         }\n",
    );
    assert_eq!(
        entries(&found),
        [
            "192.0.2.10 phone 1795698000 :02",
            "192.0.2.11 nas -",
            "192.0.2.13 tv 1795694400"
        ]
    );
    assert_eq!(lines(&found), [27]);
}

#[test]
fn odhcpd_leases_are_read_but_for_prefixes_and_what_is_over() {
    let found = read(
        "2001:db8::1f4\tlaptop.lan\tlaptop\n\
         # br-lan 00010001aabb 12ab laptop 1795694400 1f4 128 2001:db8::1f4/128 fd00::1f4/128\n\
         # br-lan aabbccddee02 ipv4 nas -1 c000020b 32 192.0.2.11/32\n\
         # br-lan 00010001aacc 1 router 1795694400 8 60 2001:db8:8::/60\n\
         # br-lan 00010001aadd 2 gone 0 9 128 2001:db8::9/128\n\
         # br-lan 00010001aaee 3 - 1795694400 a 128 2001:db8::a/128\n\
         # br-lan 00010001aaff 4 broken\\x20tv 1795694400 b 128 2001:db8::b/128\n\
         # br-lan 00010001ab00 5 phone 1795694400 c 128 2001:db8::x/128\n\
         # br-lan 00010001ab01 6 <script> 1795694400 d 128 2001:db8::d/128\n",
    );
    assert_eq!(
        entries(&found),
        [
            "2001:db8::1f4 laptop 1795694400",
            "fd00::1f4 laptop 1795694400",
            "192.0.2.11 nas - :02",
            "2001:db8::a - 1795694400",
            "2001:db8::b - 1795694400",
        ]
    );
    assert_eq!(lines(&found), [8, 9]);
}
