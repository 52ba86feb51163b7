/// How much a file asks of those who load it, from the most to the least. Each level has all
/// that the next has, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Loading and using it runs no code of the file's choice: objects are of classes that are
    /// proven harmless for the arguments given.
    NoCode,
    /// `torch.load(weights_only=True)` of torch 2.15 builds it too.
    WeightsOnly,
    /// Tensors, numbers, texts and containers of them; no classes at all.
    TensorsOnly,
}
