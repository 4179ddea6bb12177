/// What the commands of the central node do.
enum CentralActions {
  static func initialise(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func serve(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func merge(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func invite(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func members(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func status(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func reports(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }

  static func revoke(_ invocation: Invocation) throws -> ExitCode {
    throw Failure.unavailable(invocation)
  }
}
