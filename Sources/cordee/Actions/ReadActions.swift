/// What the commands that read the replica do.
enum ReadActions {
  static func list(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func get(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func history(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func conflicts(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func officialList(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func log(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func dump(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func digest(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }
}
