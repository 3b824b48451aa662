//! Follows the drawing instructions of a page as far as they place text.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId};

use super::Fragment;
use super::font::Font;
use crate::knowledge::load::guard::Stop;

/// Drawings inside drawings that are followed; more would be a circle.
const MAX_DEPTH: usize = 8;

/// Instructions of one file that are followed: drawings inside drawings multiply.
const MAX_OPERATIONS: usize = 20_000_000;

/// Longest drawing in bytes, and longest table of a font.
const MAX_CONTENT: usize = 4 * 1024 * 1024;

/// Saved states of one drawing.
const MAX_SAVED: usize = 256;

/// A shift to the right of this many thousandths inside a text is a space between words.
const SPACE: f32 = 180.0;

/// Draws the pages of a document, keeping the text.
pub(super) struct Canvas<'a> {
    document: &'a Document,
    stop: &'a Stop,
    fonts: HashMap<*const Dictionary, Rc<Font<'a>>>,
    operations: usize,
    fragments: Vec<Fragment>,
}

/// An affine map, as PDF writes it: `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Clone, Copy, Debug)]
struct Matrix([f32; 6]);

impl Matrix {
    const SAME: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn shift(x: f32, y: f32) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// First `self`, then `next`.
    fn then(self, next: Self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let [na, nb, nc, nd, ne, nf] = next.0;
        Self([
            a * na + b * nc,
            a * nb + b * nd,
            c * na + d * nc,
            c * nb + d * nd,
            e * na + f * nc + ne,
            e * nb + f * nd + nf,
        ])
    }
}

#[derive(Clone)]
struct State<'a> {
    page: Matrix,
    text: Matrix,
    line: Matrix,
    font: Option<Rc<Font<'a>>>,
    size: f32,
    leading: f32,
    letter_space: f32,
    word_space: f32,
    rise: f32,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(document: &'a Document, stop: &'a Stop) -> Self {
        Self {
            document,
            stop,
            fonts: HashMap::new(),
            operations: 0,
            fragments: Vec::new(),
        }
    }

    /// The text of a page, in the order in which it is drawn.
    pub(super) fn page(&mut self, page: ObjectId) -> Result<Vec<Fragment>, String> {
        let document = self.document;
        if !document.has_object(page) {
            return Err("damaged (a page is missing); save it again".into());
        }
        let content = document
            .get_page_content_with_limit(page, MAX_CONTENT)
            .map_err(|error| format!("a page is damaged or too large ({error}); save it again"))?;
        let (own, inherited) = document.get_page_resources(page).unwrap_or_default();
        let inherited = inherited.into_iter();
        let resources: Vec<&Dictionary> = own
            .into_iter()
            .chain(inherited.filter_map(|id| document.get_dictionary(id).ok()))
            .collect();
        self.draw(&content, &resources, Matrix::SAME, 0)?;
        Ok(std::mem::take(&mut self.fragments))
    }

    fn draw(
        &mut self,
        content: &[u8],
        resources: &[&'a Dictionary],
        page: Matrix,
        depth: usize,
    ) -> Result<(), String> {
        // What cannot be read of a drawing is left out: the rest of the page is worth having.
        let Ok(content) = Content::decode(content) else {
            return Ok(());
        };
        let mut state = State {
            page,
            text: Matrix::SAME,
            line: Matrix::SAME,
            font: None,
            size: 0.0,
            leading: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            rise: 0.0,
        };
        let mut saved: Vec<State<'a>> = Vec::new();
        for operation in &content.operations {
            self.operations += 1;
            if self.operations > MAX_OPERATIONS || self.stop.is_told() {
                return Err("its pages have too many instructions; save it again".into());
            }
            let operands = operation.operands.as_slice();
            match operation.operator.as_str() {
                "q" if saved.len() < MAX_SAVED => saved.push(state.clone()),
                "Q" => state = saved.pop().unwrap_or(state),
                "cm" => state.page = matrix(operands).then(state.page),
                "Tf" => {
                    let name = operands.first().and_then(|name| name.as_name().ok());
                    state.font = name.and_then(|name| self.font(name, resources));
                    state.size = number(operands, 1);
                }
                "Do" => {
                    let name = operands.first().and_then(|name| name.as_name().ok());
                    if let Some(name) = name {
                        self.form(name, resources, state.page, depth)?;
                    }
                }
                operator => self.text(operator, operands, &mut state),
            }
        }
        Ok(())
    }

    /// The instructions about text.
    fn text(&mut self, operator: &str, operands: &[Object], state: &mut State<'a>) {
        let bytes = |at: usize| operands.get(at).and_then(|text| text.as_str().ok());
        match operator {
            "BT" => (state.text, state.line) = (Matrix::SAME, Matrix::SAME),
            "Tc" => state.letter_space = number(operands, 0),
            "Tw" => state.word_space = number(operands, 0),
            "TL" => state.leading = number(operands, 0),
            "Ts" => state.rise = number(operands, 0),
            "Td" => state.next_line(number(operands, 0), number(operands, 1)),
            "TD" => {
                state.leading = -number(operands, 1);
                state.next_line(number(operands, 0), number(operands, 1));
            }
            "Tm" => {
                state.line = matrix(operands);
                state.text = state.line;
            }
            "T*" => state.next_line(0.0, -state.leading),
            "Tj" => self.show(bytes(0).unwrap_or_default(), state),
            "'" => {
                state.next_line(0.0, -state.leading);
                self.show(bytes(0).unwrap_or_default(), state);
            }
            "\"" => {
                state.word_space = number(operands, 0);
                state.letter_space = number(operands, 1);
                state.next_line(0.0, -state.leading);
                self.show(bytes(2).unwrap_or_default(), state);
            }
            "TJ" => {
                let parts = operands.first().and_then(|parts| parts.as_array().ok());
                for part in parts.into_iter().flatten() {
                    if let Ok(bytes) = part.as_str() {
                        self.show(bytes, state);
                    } else if let Ok(shift) = part.as_float() {
                        if shift < -SPACE {
                            self.space(state);
                        }
                        let along = -shift / 1000.0 * state.size;
                        state.text = Matrix::shift(along, 0.0).then(state.text);
                    }
                }
            }
            _ => {}
        }
    }

    fn show(&mut self, bytes: &[u8], state: &mut State<'a>) {
        let Some(font) = state.font.clone() else {
            return;
        };
        if bytes.is_empty() {
            return;
        }
        let (width, letters) = font.width(bytes);
        let spaces = match font.wide {
            true => 0,
            false => bytes.iter().filter(|byte| **byte == b' ').count(),
        };
        let along = width / 1000.0 * state.size
            + state.letter_space * letters as f32
            + state.word_space * spaces as f32;
        let begin = Matrix::shift(0.0, state.rise)
            .then(state.text)
            .then(state.page);
        state.text = Matrix::shift(along, 0.0).then(state.text);
        let end = state.text.then(state.page);
        let [_, _, c, d, start, line] = begin.0;
        let size = state.size.abs() * c.hypot(d);
        let fragment = Fragment {
            start,
            end: end.0[4],
            line,
            size,
            bold: font.bold,
            text: font.text(bytes),
        };
        let places = [fragment.start, fragment.end, fragment.line, fragment.size];
        if places.iter().all(|place| place.is_finite()) {
            self.fragments.push(fragment);
        }
    }

    /// A space that is only a shift: the fragment before it gets it.
    fn space(&mut self, state: &State<'a>) {
        let wide = state.size.abs() * 2.0;
        let here = state.text.then(state.page).0[4];
        if let Some(last) = self.fragments.last_mut()
            && (here - last.end).abs() < wide.max(1.0)
            && !last.text.ends_with(' ')
        {
            last.text.push(' ');
        }
    }

    fn font(&mut self, name: &[u8], resources: &[&'a Dictionary]) -> Option<Rc<Font<'a>>> {
        let document = self.document;
        let font = resources.iter().find_map(|resources| {
            let fonts = resources.get_deref(b"Font", document).ok()?;
            fonts.as_dict().ok()?.get_deref(name, document).ok()
        })?;
        let font = font.as_dict().ok()?;
        let stop = self.stop;
        let known = self
            .fonts
            .entry(std::ptr::from_ref(font))
            .or_insert_with(|| Rc::new(Font::new(font, document, MAX_CONTENT, stop)));
        Some(Rc::clone(known))
    }

    /// A drawing that is used on the page; pictures are passed over.
    fn form(
        &mut self,
        name: &[u8],
        resources: &[&'a Dictionary],
        page: Matrix,
        depth: usize,
    ) -> Result<(), String> {
        let document = self.document;
        let form = resources.iter().find_map(|resources| {
            let forms = resources.get_deref(b"XObject", document).ok()?;
            let form = forms.as_dict().ok()?.get_deref(name, document).ok()?;
            form.as_stream().ok()
        });
        let Some(form) = form else {
            return Ok(());
        };
        let kind = form.dict.get(b"Subtype").and_then(Object::as_name);
        if depth >= MAX_DEPTH || !kind.is_ok_and(|kind| kind == b"Form") {
            return Ok(());
        }
        let Ok(content) = form.get_plain_content_with_limit(MAX_CONTENT) else {
            return Ok(());
        };
        let place = form.dict.get_deref(b"Matrix", document);
        let place = match place.and_then(Object::as_array) {
            Ok(numbers) => matrix(numbers),
            Err(_) => Matrix::SAME,
        };
        let own = form.dict.get_deref(b"Resources", document);
        let own: Vec<&Dictionary> = own.and_then(Object::as_dict).into_iter().collect();
        let resources = if own.is_empty() { resources } else { &own };
        self.draw(&content, resources, place.then(page), depth + 1)
    }
}

impl State<'_> {
    fn next_line(&mut self, x: f32, y: f32) {
        self.line = Matrix::shift(x, y).then(self.line);
        self.text = self.line;
    }
}

fn number(operands: &[Object], at: usize) -> f32 {
    let number = operands.get(at).and_then(|number| number.as_float().ok());
    number.unwrap_or(0.0)
}

fn matrix(operands: &[Object]) -> Matrix {
    let mut numbers = Matrix::SAME.0;
    for (at, slot) in numbers.iter_mut().enumerate() {
        if at < operands.len() {
            *slot = number(operands, at);
        }
    }
    Matrix(numbers)
}
