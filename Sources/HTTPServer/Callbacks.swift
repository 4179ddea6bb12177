import CMicrohttpd
import CShims

/// The C faces of `Core`: each finds its objects behind the pointers and does nothing else.
enum Callbacks {
  static let target: cordee_mhd_target = { context, text, _ in
    guard let core = unsafe core(context), let part = unsafe RawHead.Part(text) else { return nil }
    return unsafe Unmanaged.passRetained(core.begin(part)).toOpaque()
  }

  static let handle: MHD_AccessHandlerCallback = {
    context, connection, _, method, version, bytes, count, state in
    guard let core = unsafe core(context), let connection = unsafe connection,
      let conversation = unsafe conversation(state?.pointee)
    else { return .NO }
    if case .head = conversation.intake {
      let head = unsafe RawHead(
        connection, target: conversation.target, method: method, version: version)
      return unsafe core.takeHead(conversation, connection, head) ? .YES : .NO
    }
    guard let count = unsafe count, unsafe count.pointee > 0 else {
      return unsafe core.finish(conversation, connection) ? .YES : .NO
    }
    let start = unsafe UnsafeRawPointer(bytes)?.assumingMemoryBound(to: UInt8.self)
    let part = unsafe UnsafeBufferPointer(start: start, count: start == nil ? 0 : count.pointee)
    unsafe count.pointee = 0
    return unsafe conversation.take(part) ? .YES : .NO
  }

  static let completed: MHD_RequestCompletedCallback = { context, connection, state, end in
    guard let core = unsafe core(context), let connection = unsafe connection,
      let pointer = unsafe state?.pointee
    else { return }
    let conversation = unsafe Unmanaged<Conversation>.fromOpaque(pointer).takeRetainedValue()
    unsafe state?.pointee = nil
    unsafe core.completed(
      connection, isAnswered: end == .REQUEST_TERMINATED_COMPLETED_OK,
      lingers: conversation.lingers)
  }

  static let connection: MHD_NotifyConnectionCallback = { context, connection, _, event in
    guard let core = unsafe core(context), let connection = unsafe connection else { return }
    switch event {
    case .CONNECTION_NOTIFY_STARTED: unsafe core.connected(connection)
    default: unsafe core.disconnected(connection)
    }
  }

  private static func core(_ context: UnsafeMutableRawPointer?) -> Core? {
    unsafe context.map { unsafe Unmanaged<Core>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func conversation(_ state: UnsafeMutableRawPointer?) -> Conversation? {
    unsafe state.map { unsafe Unmanaged<Conversation>.fromOpaque($0).takeUnretainedValue() }
  }
}
