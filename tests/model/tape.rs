//! The numbers that steer a run. Past its end everything is 0: the choice in which nothing happens.

pub struct Tape {
    numbers: std::vec::IntoIter<u16>,
}

impl Tape {
    pub fn new(numbers: Vec<u16>) -> Tape {
        Tape { numbers: numbers.into_iter() }
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.as_slice().is_empty()
    }

    /// One of `0..choices`.
    pub fn pick(&mut self, choices: usize) -> usize {
        self.numbers.next().map_or(0, |number| usize::from(number) % choices)
    }
}
