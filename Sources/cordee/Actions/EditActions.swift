/// What the commands that change the replica do.
enum EditActions {
  static func add(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func set(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func remove(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func undelete(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func resolve(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }
}
