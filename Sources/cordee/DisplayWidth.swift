import CShims

/// Columns a terminal gives to `text`: wide characters two, combining marks and controls none.
///
/// - Complexity: O(scalars).
func displayWidth(_ text: some StringProtocol) -> Int {
  text.reduce(0) { $0 + displayWidth($1) }
}

private func displayWidth(_ character: Character) -> Int {
  var widest = 0
  var flags = 0
  for scalar in character.unicodeScalars {
    switch scalar.value {
    case 0xFE0F: widest = 2  // asks for the emoji form
    case 0x1F1E6...0x1F1FF: flags += 1
    default: break
    }
    widest = max(widest, Int(cordee_scalar_width(scalar.value)))
  }
  return flags == 2 ? 2 : widest
}

/// `text` on one line and harmless to a terminal, whoever wrote it.
///
/// Line ends and tabs become spaces; controls and the marks that reorder text become U+FFFD.
func terminalSafe(_ text: String) -> String {
  var safe = String.UnicodeScalarView()
  var wasReturn = false
  for scalar in text.unicodeScalars {
    defer { wasReturn = scalar == "\r" }
    switch scalar.value {
    case 0x0A: if !wasReturn { safe.append(" ") }
    case 0x09, 0x0D, 0x2028, 0x2029: safe.append(" ")
    case 0x00..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: safe.append("\u{FFFD}")
    default: safe.append(scalar)
    }
  }
  return String(safe)
}

/// `text` in at most `width` columns, cut with `…`.
func shortened(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  var kept = ""
  var used = 0
  for character in text {
    let columns = displayWidth(character)
    if used + columns > width - 1 { break }
    kept.append(character)
    used += columns
  }
  return width > 0 ? kept + "…" : ""
}

/// `text` in lines of at most `width` columns, broken at spaces; a longer word stands alone.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, displayWidth(line) + 1 + displayWidth(word) > width {
      lines.append(line)
      line = ""
    }
    line += line.isEmpty ? String(word) : " " + word
  }
  return lines + [line]
}
