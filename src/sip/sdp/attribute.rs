//! `a=` lines (RFC 8866 §5.13).

/// One `a=` line: `a=name` or `a=name:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute's name, as written.
    pub name: String,
    /// What follows the first colon; `None` for a property attribute such as `a=sendrecv`.
    pub value: Option<String>,
}

impl Attribute {
    /// A property attribute: `a=name`.
    pub fn flag(name: &str) -> Self {
        Attribute { name: name.to_owned(), value: None }
    }

    /// A value attribute: `a=name:value`.
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Attribute { name: name.to_owned(), value: Some(value.into()) }
    }
}

/// The `a=` lines of one section, in the order they were written. Names are compared without regard to case,
/// which is more lenient than RFC 8866 §5.13 and is what deployed devices expect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// The value of the first attribute of this name; `None` also for a property attribute.
    pub fn value(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().filter(|a| a.name.eq_ignore_ascii_case(name));
        named.filter_map(|a| a.value.as_deref()).next()
    }

    /// The values of all attributes of this name, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |a| a.name.eq_ignore_ascii_case(name)).filter_map(|a| a.value.as_deref())
    }

    /// Whether an attribute of this name is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// Appends one attribute.
    pub fn push(&mut self, attribute: Attribute) {
        self.0.push(attribute);
    }

    /// Removes every attribute of this name and says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|a| !a.name.eq_ignore_ascii_case(name));
        before - self.0.len()
    }

    /// All attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<T: IntoIterator<Item = Attribute>>(iter: T) -> Self {
        Attributes(iter.into_iter().collect())
    }
}
