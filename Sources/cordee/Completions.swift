/// A shell we write completions for.
enum Shell: String, CaseIterable, Sendable {
  case bash, zsh, fish
}

/// Completion scripts, derived from the table of commands.
struct Completions: Sendable {
  let commands: [CommandSpec]

  /// The script to be sourced by `shell`.
  func script(for shell: Shell) -> String {
    let lines =
      switch shell {
      case .bash: bash
      case .zsh: zsh
      case .fish: fish
      }
    return lines.joined(separator: "\n") + "\n"
  }

  /// First words of commands of two words, in the table's order.
  private var groups: [String] {
    unique(commands.filter { $0.path.count > 1 }.map { $0.path[0] })
  }

  private var firstWords: [String] { unique(commands.map { $0.path[0] }) }

  private func members(of group: String) -> [CommandSpec] {
    commands.filter { $0.path.count > 1 && $0.path[0] == group }
  }

  private func unique(_ words: [String]) -> [String] {
    words.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}

// MARK: bash

extension Completions {
  private var bash: [String] {
    [
      "# bash completion for cordee",
      "_cordee() {",
      #"  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}""#,
      "  local first=1",
      "  COMPREPLY=()",
      // Options may stand before the command; bash makes three words of --replica=FILE.
      #"  while [ "$first" -lt "$COMP_CWORD" ]; do"#,
      #"    case "${COMP_WORDS[first]}" in"#,
      #"      --replica) [ "${COMP_WORDS[first+1]}" = "=" ] && first=$((first + 1)); first=$((first + 2)) ;;"#,
      "      -*) first=$((first + 1)) ;;",
      "      *) break ;;",
      "    esac",
      "  done",
      #"  if [ "$first" -gt "$COMP_CWORD" ]; then"#,
      #"    [ "$word" = "=" ] && word="#,
      #"    COMPREPLY=($(compgen -f -- "$word"))"#,
      "    return",
      "  fi",
      #"  local path="${COMP_WORDS[first]}" words="" place=$((COMP_CWORD - first + 1))"#,
      #"  if [ "$place" -eq 1 ]; then"#,
      "    words=\(quoted(leading.joined(separator: " ")))",
      #"    COMPREPLY=($(compgen -W "$words" -- "$word"))"#,
      "    return",
      "  fi",
    ] + bashGroups + [
      #"  case "$path $before" in"#
    ] + bashValues + [
      "  esac",
      #"  case "$path" in"#,
    ] + bashWords + [
      "  esac",
      #"  COMPREPLY=($(compgen -W "$words" -- "$word"))"#,
      "}",
      "complete -F _cordee cordee",
    ]
  }

  /// What may come first.
  private var leading: [String] {
    firstWords + Program.leadingOptions.map { "--\($0.long)" }
  }

  private var bashGroups: [String] {
    groups.flatMap { group in
      let words = members(of: group).map { $0.path[1] } + ["--help"]
      return [
        "  if [ \"$path\" = \(quoted(group)) ]; then",
        #"    if [ "$place" -eq 2 ]; then"#,
        "      words=\(quoted(words.joined(separator: " ")))",
        #"      COMPREPLY=($(compgen -W "$words" -- "$word"))"#,
        "      return",
        "    fi",
        #"    path="$path ${COMP_WORDS[first+1]}" place=$((place - 1))"#,
        "  fi",
      ]
    }
  }

  private var bashValues: [String] {
    commands.flatMap { command in
      command.allOptions.filter { $0.value != nil }.map { option in
        let action: String
        switch option.completes {
        case .nothing: action = "return"
        case .file: action = #"COMPREPLY=($(compgen -f -- "$word")); return"#
        case .directory: action = #"COMPREPLY=($(compgen -d -- "$word")); return"#
        case .words(let words), .oneOf(let words):
          action =
            "COMPREPLY=($(compgen -W \(quoted(words.joined(separator: " "))) -- \"$word\")); return"
        }
        return "    \(quoted("\(command.name) --\(option.long)"))) \(action) ;;"
      }
    }
  }

  private var bashWords: [String] {
    commands.map { command in
      let options = command.allOptions.map { "--\($0.long)" }.joined(separator: " ")
      var line = "    \(quoted(command.name))) words=\(quoted(options))"
      for (place, argument) in command.arguments.enumerated() {
        guard let words = argument.completes.choices else { continue }
        let choices = quoted(" " + words.joined(separator: " "))
        line += "; [ \"$place\" -eq \(place + 2) ] && words+=\(choices)"
      }
      return line + " ;;"
    }
  }
}

// MARK: zsh

extension Completions {
  private var zsh: [String] {
    [
      "#compdef cordee",
      "_cordee() {",
      "  local -a words_here",
      "  while (( CURRENT > 2 )) && [[ $words[2] == -* ]]; do",
      "    if [[ $words[2] == --replica ]]; then",
      "      if (( CURRENT == 3 )); then _files; return; fi",
      "      words[2]=()",
      "      (( CURRENT-- ))",
      "    fi",
      "    words[2]=()",
      "    (( CURRENT-- ))",
      "  done",
      "  if (( CURRENT == 2 )); then",
      "    words_here=(\(described(topEntries)))",
      "    _describe command words_here",
      "    return",
      "  fi",
      #"  local path_here="$words[2]""#,
    ]
      + groups.flatMap { group in
        [
          "  if [[ \"$path_here\" == \(quoted(group)) ]]; then",
          "    if (( CURRENT == 3 )); then",
          "      words_here=(\(described(members(of: group).map { ($0.path[1], $0.summary) })))",
          "      _describe command words_here",
          "      return",
          "    fi",
          #"    path_here="$path_here $words[3]""#,
          "    shift words; (( CURRENT-- ))",
          "  fi",
        ]
      } + [
        "  shift words; (( CURRENT-- ))",
        #"  case "$path_here" in"#,
      ] + commands.map(zshCase) + [
        "  esac",
        "}",
        // Completion runs a file of fpath as the function itself; a sourced one only registers it.
        #"if [[ "$funcstack[1]" == _cordee ]]; then _cordee "$@"; else compdef _cordee cordee; fi"#,
      ]
  }

  private var topEntries: [(String, String)] {
    firstWords.map { word in
      let summary = commands.first { $0.path == [word] }?.summary
      return (word, summary ?? "commands of \(word)")
    }
  }

  private func described(_ entries: [(String, String)]) -> String {
    entries.map { quoted("\($0.0):\($0.1)") }.joined(separator: " ")
  }

  private func zshCase(_ command: CommandSpec) -> String {
    var specs = command.allOptions.map { option in
      let summary = option.summary.filter { !"[]:".contains($0) }
      let many = option.isRepeated ? "*" : ""
      let value = option.value.map { ":\($0.filter { $0 != ":" }):\(zshAction(option.completes))" }
      return quoted("\(many)--\(option.long)[\(summary)]\(value ?? "")")
    }
    for argument in command.arguments {
      let place = argument.isRepeated ? "*:" : argument.isOptional ? "::" : ":"
      specs.append(quoted("\(place)\(argument.name):\(zshAction(argument.completes))"))
    }
    return "    \(quoted(command.name))) _arguments \(specs.joined(separator: " ")) ;;"
  }

  private func zshAction(_ completion: Completion) -> String {
    switch completion {
    case .nothing: " "
    case .file: "_files"
    case .directory: "_files -/"
    case .words(let words), .oneOf(let words): "(\(words.joined(separator: " ")))"
    }
  }
}

// MARK: fish

extension Completions {
  private var fish: [String] {
    var lines = ["# fish completion for cordee", "complete -c cordee -f"]
    lines += topEntries.map { word, summary in
      "complete -c cordee -n __fish_use_subcommand -a \(word) -d \(quoted(summary, forFish: true))"
    }
    for group in groups {
      let names = members(of: group).map { $0.path[1] }.joined(separator: " ")
      for command in members(of: group) {
        let condition =
          "__fish_seen_subcommand_from \(group); and not __fish_seen_subcommand_from \(names)"
        lines.append(
          "complete -c cordee -n \(quoted(condition)) -a \(command.path[1])"
            + " -d \(quoted(command.summary, forFish: true))")
      }
    }
    return lines + commands.flatMap(fishLines)
  }

  private func fishLines(_ command: CommandSpec) -> [String] {
    // Words alone would mix up `status` and `central status`.
    let first = "__fish_seen_subcommand_from \(command.path[0])"
    let condition =
      command.path.count > 1
      ? first + "; and __fish_seen_subcommand_from \(command.path[1])"
      : groups.reduce(first) { $0 + "; and not __fish_seen_subcommand_from \($1)" }
    let start = "complete -c cordee -n \(quoted(condition))"
    let options = command.allOptions.map { option in
      var line = "\(start) -l \(option.long)"
      if option.value != nil {
        switch option.completes {
        case .nothing: line += " -x"
        case .file: line += " -rF"
        case .directory: line += " -xa '(__fish_complete_directories)'"
        case .words(let words), .oneOf(let words):
          line += " -xa \(quoted(words.joined(separator: " "), forFish: true))"
        }
      }
      return line + " -d \(quoted(option.summary, forFish: true))"
    }
    let words = command.arguments.compactMap { $0.completes.choices }.flatMap { $0 }
    return options
      + (words.isEmpty ? [] : ["\(start) -a \(quoted(words.joined(separator: " ")))"])
  }
}

extension Completion {
  fileprivate var choices: [String]? {
    switch self {
    case .words(let words), .oneOf(let words): words
    case .nothing, .file, .directory: nil
    }
  }
}

/// `text` as one shell word between single quotes.
private func quoted(_ text: String, forFish: Bool = false) -> String {
  var word = "'"
  for character in text {
    switch character {
    case "'": word += forFish ? #"\'"# : #"'\''"#
    case #"\"#: word += forFish ? #"\\"# : #"\"#
    default: word.append(character)
    }
  }
  return word + "'"
}
