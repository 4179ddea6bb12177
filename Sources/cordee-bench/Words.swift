/// The words the rows are made of, in many scripts, since names are.
enum Words {
  static let first = [
    "Łódzkie", "Żółta", "Čapek", "Señor", "Grønn", "Åland", "Zürcher", "Île-de",
    "København", "São", "Bjørn", "Großer", "Tōkyō", "Αθήνα", "Київ", "北京", "東京",
    "Mumbai मुंबई", "القاهرة", "Nairobi", "Brooklyn", "Harbour", "Westgate", "Northern",
    "Silver", "Maple", "Red Oak", "Kestrel", "Blue Anchor", "Saint-Étienne",
  ]
  static let middle = [
    "Food", "Housing", "Literacy", "Wildlife", "Öko", "Énergie", "Salud", "Youth", "Sport",
    "Kultur", "Musik", "Agro", "Ръка", "Water", "Solar", "Repair", "Library", "Craft",
    "Dairy", "Transit",
  ]
  static let last = [
    "Cooperative", "Foundation", "e.V.", "Association", "Société", "Stiftung",
    "Spółdzielnia", "Ltd", "GmbH", "Collective", "Trust", "Союз", "有限公司", "Partners",
    "Network", "Bank", "Alliance", "Kooperativa",
  ]
  static let street = [
    "Rue de l’Église", "Hauptstraße", "Calle Mayor", "ul. Świętokrzyska", "Ågatan",
    "Via Garibaldi", "Market Street", "Kungsgatan", "Avenida da Liberdade", "Keizersgracht",
    "High Street", "Náměstí Míru",
  ]
  static let city = [
    "Kraków", "Zürich", "Malmö", "São Paulo", "München", "Łódź", "Genève", "København",
    "Reykjavík", "Bogotá", "Montréal", "Leeds", "Nairobi", "İstanbul", "Αθήνα", "Київ",
  ]
  static let kind = [
    "nonprofit", "company", "public", "coop", "informal",
  ]
  static let status = [
    "active", "lead", "paused", "archived",
  ]
  static let country = [
    "PL", "CH", "SE", "BR", "DE", "FR", "DK", "IS", "CO", "CA", "GB", "KE", "TR", "GR", "UA",
  ]
  static let notes = [
    "meets", "monthly", "contact", "prefers", "mail", "delivery", "route", "shared", "with",
    "neighbours", "needs", "follow-up", "after", "budget", "vote", "volunteers", "weekend",
    "warehouse", "invoice", "grant", "renewal", "réunion", "Besprechung", "spotkanie",
  ]
}
