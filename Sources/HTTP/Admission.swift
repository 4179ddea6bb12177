/// What becomes of a request of which the head alone was read, and whose body is still to come.
public enum Admission: Sendable, Equatable {
  /// Its body is taken up to a length; whose it is, only the whole request can tell, if anything.
  case stranger(bodyBytesMax: Int)
  /// It is this caller's, by what its head proves; its body is taken up to a length.
  case caller(String, bodyBytesMax: Int)
  /// It is answered now, and its body never read.
  case refused(Response)
}
