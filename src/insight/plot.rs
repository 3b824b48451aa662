//! The report as a drawing (SVG). It names no font file; whoever shows it takes a sans-serif of theirs.

use plotters::prelude::{DrawingArea, IntoDrawingArea, Rectangle, SVGBackend, Text};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle};

use super::measures::Measures;
use super::report::InsightReport;
use crate::error::{ErrorKind, OrError, Result};

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

const WIDTH: i32 = 960;
const ROW: i32 = 22;
const LABEL: i32 = 290;
const BAR: i32 = 560;
const TOPICS: usize = 12;
const GROUPS: usize = 31;
const INK: RGBColor = RGBColor(40, 40, 40);
const PALE: RGBColor = RGBColor(214, 220, 228);
const CALM: RGBColor = RGBColor(70, 120, 180);
const ANNOYED: RGBColor = RGBColor(200, 90, 60);
const GREEN: RGBColor = RGBColor(80, 150, 100);

impl InsightReport {
    /// Topics with their share of complaints, and the figures of each group, as an SVG image.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it cannot be drawn.
    pub fn to_svg(&self) -> Result<String> {
        let topics = self.topics.len().min(TOPICS);
        let groups = self.groups.len().min(GROUPS) + 1;
        let rows = topics + groups * 4 + 6;
        let height = i32::try_from(rows).unwrap_or(i32::MAX / ROW) * ROW;
        let mut svg = String::new();
        {
            let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw(&area)
                .or_error(ErrorKind::Internal, || "the report cannot be drawn")?;
        }
        Ok(svg)
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        area.fill(&RGBColor(255, 255, 255))?;
        let mut y = ROW / 2;
        write(
            area,
            "Topics (conversations; red: with a complaint)",
            12,
            y,
            16,
        )?;
        y += ROW + 4;
        let most = self.topics.iter().map(|t| t.conversations).max();
        let most = most.unwrap_or(1).max(1) as f32;
        for topic in self.topics.iter().take(TOPICS) {
            let share = topic.conversations as f32 / most;
            write(area, &shortened(&topic.name), 12, y, 13)?;
            bar(area, y, share, CALM)?;
            bar(area, y, share * topic.complaining, ANNOYED)?;
            write(
                area,
                &topic.conversations.to_string(),
                LABEL + BAR + 8,
                y,
                13,
            )?;
            y += ROW;
        }
        y += ROW;
        write(
            area,
            "First contact solved it; contained by the virtual agent; satisfaction",
            12,
            y,
            16,
        )?;
        y += ROW + 4;
        let groups = self.groups.iter().take(GROUPS);
        let groups = groups.map(|g| (g.group.as_str(), &g.measures));
        for (name, measures) in groups.chain([("all", &self.total)]) {
            write(
                area,
                &format!("{} ({})", shortened(name), measures.conversations),
                12,
                y,
                13,
            )?;
            for (what, value, colour) in figures(measures) {
                write(area, what, LABEL - 90, y, 11)?;
                match value {
                    Some(value) => {
                        bar(area, y, 1.0, PALE)?;
                        bar(area, y, value, colour)?;
                        write(
                            area,
                            &format!("{:.0} %", value * 100.0),
                            LABEL + BAR + 8,
                            y,
                            13,
                        )?;
                    }
                    None => write(area, "not known", LABEL + 4, y, 11)?,
                }
                y += ROW;
            }
            y += ROW / 2;
        }
        area.present()?;
        Ok(())
    }
}

/// All between 0 and 1. Satisfaction is the prediction, or the pulse where nothing was predicted.
fn figures(measures: &Measures) -> [(&'static str, Option<f32>, RGBColor); 3] {
    let felt = measures.satisfaction.or(measures.pulse);
    [
        ("solved", measures.first_contact_resolution, GREEN),
        ("contained", measures.containment, CALM),
        ("satisfied", felt.map(|mark| (mark - 1.0) / 4.0), INK),
    ]
}

fn bar(area: &Area<'_>, y: i32, share: f32, colour: RGBColor) -> Drawn {
    // Within 0 and `BAR`, so nothing is cut off.
    let width = (share.clamp(0.0, 1.0) * BAR as f32) as i32;
    let corners = [(LABEL, y), (LABEL + width, y + ROW - 8)];
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    Ok(())
}

fn write(area: &Area<'_>, text: &str, x: i32, y: i32, size: i32) -> Drawn {
    let style = TextStyle::from(("sans-serif", size).into_font()).color(&INK);
    area.draw(&Text::new(text.to_owned(), (x, y), style))?;
    Ok(())
}

fn shortened(name: &str) -> String {
    const LONGEST: usize = 26;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let begin: String = name.chars().take(LONGEST - 1).collect();
    format!("{begin}\u{2026}")
}
