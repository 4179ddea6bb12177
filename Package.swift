// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same settings: no warning is let through.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Whether the engine is built with seeded faults, for `scripts/mutants` alone: optimised, since it runs the tests many times.
let isSeeded = Context.environment["CORDEE_MUTANTS"] != nil
let seeded: [SwiftSetting] = isSeeded ? [.define("MUTANTS"), .unsafeFlags(["-O"])] : []

/// A house module; `needs` are the only modules it may import (checked by the build).
func room(_ name: String, needs: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: needs, swiftSettings: strict + seeded)
}

func tests(_ name: String, needs: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: needs, swiftSettings: strict)
}

/// A C library from Debian; SwiftPM names the package to install when it is missing.
func system(_ name: String, _ pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
  name: "Cordee",
  products: [
    .executable(name: "cordee", targets: ["cordee"]),
    .executable(name: "cordee-bench", targets: ["cordee-bench"]),
    .executable(name: "cordee-sim", targets: ["cordee-sim"]),
    .library(
      name: "Cordee",
      targets: [
        "Causality", "Changes", "Wire", "Session", "Schedules", "Seal", "Store", "Registry", "HTTP",
        "HTTPClient", "HTTPServer", "Replica", "Central", "Web",
      ]
    ),
  ],
  targets: [
    system("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
    system("CSodium", "libsodium", apt: "libsodium-dev"),
    system("CZstd", "libzstd", apt: "libzstd-dev"),
    system("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
    system("CMicrohttpd", "libmicrohttpd", apt: "libmicrohttpd-dev"),
    .target(name: "CShims", dependencies: ["CCurl", "CMicrohttpd", "CSQLite"]),

    // In the order the data flows: an edit's way from a value to a screen.
    room("Mutants"),
    room("Causality", needs: ["Mutants"]),
    room("Changes", needs: ["Mutants", "Causality"]),
    room("Wire", needs: ["Mutants", "Causality", "Changes"]),
    room("Session", needs: ["Mutants", "Causality", "Changes", "Wire"]),
    room("Schedules", needs: ["Wire"]),
    room("SQLite", needs: ["CSQLite", "CShims"]),
    room("Seal", needs: ["CSodium", "CZstd"]),
    room("Files", needs: ["CShims"]),
    room("Store", needs: ["Mutants", "Causality", "Changes", "Wire", "SQLite", "Seal"]),
    room("Registry", needs: ["Causality", "Changes", "Wire", "SQLite", "Store"]),
    room("HTTP"),
    room("HTTPClient", needs: ["Mutants", "HTTP", "CCurl", "CShims"]),
    room("HTTPServer", needs: ["HTTP", "Mutants", "CMicrohttpd", "CShims"]),
    room(
      "Replica",
      needs: [
        "Mutants", "Causality", "Changes", "Wire", "Session", "Seal", "Files", "Store", "HTTP",
      ]),
    room(
      "Central",
      needs: [
        "Mutants", "Causality", "Changes", "Wire", "Session", "Seal", "Files", "Store", "HTTP",
      ]),
    room("Web", needs: ["Changes", "Wire", "Seal", "Store", "Registry", "HTTP"]),
    // Everything above in one thread, without a socket, under faults drawn from a seed.
    .target(name: "CDisk", dependencies: ["CSQLite"]),
    room("Disk", needs: ["CDisk"]),
    room(
      "Simulator",
      needs: [
        "Causality", "Changes", "Wire", "Session", "SQLite", "Seal", "Files", "Store", "HTTP",
        "Replica", "Central", "Disk",
      ]),
    .executableTarget(
      name: "cordee-sim", dependencies: ["Simulator"], swiftSettings: strict),
    .executableTarget(
      name: "cordee",
      dependencies: [
        "Causality", "Changes", "Files", "Wire", "Session", "Seal", "Store", "Registry", "HTTP",
        "HTTPClient",
        "HTTPServer", "Replica", "Central", "Schedules", "Web", "SQLite", "CShims",
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "cordee-bench",
      dependencies: [
        "Changes", "Wire", "SQLite", "Seal", "Store", "HTTP", "HTTPClient", "HTTPServer",
        "Replica", "Central",
      ],
      swiftSettings: strict
    ),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Causality", "Central", "Changes", "Files", "HTTP", "HTTPServer", "Registry", "Replica",
        "SQLite", "Schedules", "Seal", "Store", "Wire",
      ],
      path: "Tests/FuzzTargets", swiftSettings: strict
    ),
    tests("FuzzTests", needs: ["FuzzTargets"]),
    .executableTarget(
      name: "cordee-converge",
      dependencies: ["Causality", "Central", "Changes", "Wire", "SQLite", "Store"],
      path: "Tests/Convergence",
      swiftSettings: strict
    ),
    tests("CausalityTests", needs: ["Causality"]),
    tests("ChangesTests", needs: ["Changes", "Causality"]),
    tests(
      "HTTPTests",
      needs: [
        "HTTP", "HTTPClient", "HTTPServer", "Seal", "Causality", "Changes", "SQLite", "Store",
        "Replica", "Central",
      ]),
    tests("WireTests", needs: ["Wire", "Changes", "Causality"]),
    tests("SchedulesTests", needs: ["Schedules", "Wire"]),
    tests(
      "ProtocolTests",
      needs: [
        "Causality", "Changes", "Wire", "Session", "Seal", "Store", "Registry", "HTTP", "Replica",
        "Central", "Web", "SQLite", "cordee", "Programs",
      ]),
    tests("SQLiteTests", needs: ["SQLite"]),
    tests("SealTests", needs: ["Seal"]),
    tests(
      "StoreTests",
      needs: ["Programs", "Store", "Disk", "SQLite", "Seal", "Wire", "Changes", "Causality"]),
    tests("RegistryTests", needs: ["Registry", "Store", "Changes", "Wire", "Seal", "SQLite"]),
    tests(
      "CentralTests",
      needs: [
        "Central", "Replica", "Registry", "Store", "Disk", "Session", "Wire", "Changes",
        "Causality",
        "Seal", "Files", "HTTP", "HTTPClient", "HTTPServer", "SQLite",
      ]),
    tests(
      "WebTests",
      needs: [
        "Web", "Registry", "Store", "Changes", "Wire", "Seal", "SQLite", "HTTP", "HTTPClient",
        "HTTPServer", "Programs",
      ]),
    tests(
      "CommandTests",
      needs: [
        "cordee", "Central", "Changes", "HTTP", "Registry", "Replica", "SQLite", "Schedules",
        "Seal", "Store", "Wire", "Programs",
      ]),
    tests(
      "BenchTests",
      needs: ["cordee-bench", "Changes", "HTTPServer", "Seal", "SQLite", "Store", "Wire"]),
    tests(
      "SimulatorTests",
      needs: [
        "cordee-sim", "Simulator", "Disk", "Replica", "Central", "Store", "Session", "Wire",
        "Changes", "Causality", "Seal", "HTTP", "SQLite",
      ]),
    tests("EndToEndTests", needs: ["cordee", "Wire", "Programs"]),
    .target(name: "CPrograms", path: "Tests/CPrograms"),
    .target(
      name: "Programs", dependencies: ["CPrograms"], path: "Tests/Programs", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)

// Built by scripts/fuzz alone: libFuzzer brings the main function.
if Context.environment["CORDEE_FUZZ"] != nil {
  package.targets.append(
    .target(
      name: "FuzzDriver", dependencies: ["FuzzTargets"], path: "Tests/FuzzDriver",
      swiftSettings: strict))
  package.products.append(.library(name: "FuzzDriver", type: .static, targets: ["FuzzDriver"]))
}
