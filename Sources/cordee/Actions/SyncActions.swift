/// What the commands that meet central do.
enum SyncActions {
  static func demo(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func join(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func sync(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func status(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }
}
