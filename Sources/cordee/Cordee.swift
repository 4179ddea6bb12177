@main
struct Cordee {
  static func main() {}
}
