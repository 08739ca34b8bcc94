//! The pages of `docs/` as tests run them: word for word.

/// A block of code: what stands behind its fence, and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub kind: &'static str,
    pub text: &'static str,
}

/// The blocks that have a kind, under the heading that begins with these words.
pub fn blocks(page: &'static str, heading: &str) -> Vec<Block> {
    let sections = || page.split("\n## ").skip(1);
    let mut found = sections().filter(|section| section.starts_with(heading));
    let section = found.next().unwrap_or_else(|| panic!("no heading {heading}"));
    assert_eq!(found.next(), None, "one heading {heading}");
    // Every other piece is inside of fences.
    let inside = section.split("```").skip(1).step_by(2);
    let blocks = inside.map(|block| {
        let (kind, text) = block.split_once('\n').expect("a fence ends its line");
        Block { kind, text }
    });
    let blocks: Vec<Block> = blocks.filter(|block| !block.kind.is_empty()).collect();
    assert!(!blocks.is_empty(), "no block under {heading}");
    blocks
}
