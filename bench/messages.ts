/** An admission update of eight segments, about 900 bytes. */
export function adtMessage(controlId: string): string {
  return `${[
    `MSH|^~\\&|ADTSYS|NORD|FICUS|EDGE|20260214101500||ADT^A08^ADT_A01|${controlId}|P|2.5.1||||||UNICODE UTF-8`,
    'EVN|A08|20260214101500|||OP7^MEYER^PIA',
    'PID|1||100234^^^HOSP&1.2.276.0.1&ISO^MR~998877^^^NHI^SS||BRANDT^LENA^KATRIN^^^^L||19820611|F||2106-3^White^HL70005|HAUPTSTR 5^2. OG^NORDSTADT^NI^31134^DEU^H||^PRN^PH^^49^5121^555123~^NET^Internet^lena@example.org|^WPN^PH^^49^5121^555987|de|M|EVC|A1000^^^HOSP|123-45-6789',
    'PD1||||1234^PRIMUS^CARL^^^DR',
    'NK1|1|BRANDT^JONAS|SPO^Spouse^HL70063|HAUPTSTR 5^^NORDSTADT^NI^31134|^PRN^PH^^49^5121^555124',
    'PV1|1|I|W^389^1^HOSP^^^^UH||||1234^ATTEND^ANN^^^DR|5678^REFER^ROB^^^DR||MED||||7|||1234^ATTEND^ANN^^^DR|IP|V10001^^^HOSP|||||||||||||||||||||||||20260214093000',
    'AL1|1|DA|70618^Penicillin^RXNORM|SV|Hives',
    'DG1|1||I10^Hypertension^I10||20260214|A',
  ].join('\r')}\r`;
}

/** A laboratory report of 24 results, about 2,700 bytes. */
export function oruMessage(controlId: string): string {
  const results = Array.from(
    { length: 24 },
    (_, n) =>
      `OBX|${n + 1}|NM|${718 + n}-7^Analyte ${n}^LN||13.${n}|g/dL|12.0-16.0|N|||F|||20260214080000|LAB^Laboratory`,
  );
  return `${[
    `MSH|^~\\&|LABSYS|NORD|FICUS|EDGE|20260214101500||ORU^R01^ORU_R01|${controlId}|P|2.5.1||||||UNICODE UTF-8`,
    'PID|1||100234^^^HOSP&1.2.276.0.1&ISO^MR||BRANDT^LENA^KATRIN^^^^L||19820611|F',
    'PV1|1|O|AMB^2',
    'ORC|RE|P1001^FICUS|F2002^LABSYS||CM||||20260214075500|||1234^ATTEND^ANN^^^DR',
    'OBR|1|P1001^FICUS|F2002^LABSYS|57021-8^CBC W Auto Differential^LN|||20260214075000||||||||1234^ATTEND^ANN^^^DR||||||20260214100000|||F',
    ...results,
  ].join('\r')}\r`;
}
