//! The histogram as a drawing, in SVG: it stays sharp at any size, and its text stays text.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::{Histogram, Summary};

const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GREY: RGBColor = RGBColor(0x77, 0x77, 0x77);
const GRID: RGBColor = RGBColor(0xe8, 0xe8, 0xe8);
/// The bars within the interval, the bars outside of it, and the ground on which the interval stands.
const SUN: RGBColor = RGBColor(0xf0, 0xa0, 0x20);
const PALE: RGBColor = RGBColor(0xf3, 0xd3, 0xa0);
const SHADE: RGBColor = RGBColor(0xfe, 0xf6, 0xe6);

/// Draws the histogram with the interval shaded and the median marked, and returns the text of the SVG file.
pub(crate) fn svg(histogram: &Histogram, summary: &Summary, caption: &str) -> String {
    let mut svg = String::new();
    draw(SVGBackend::with_string(&mut svg, (960, 600)), histogram, summary, caption)
        .expect("a string takes any drawing");
    svg
}

fn draw<Backend: DrawingBackend>(
    backend: Backend,
    histogram: &Histogram,
    summary: &Summary,
    caption: &str,
) -> Result<(), DrawingAreaErrorKind<Backend::ErrorType>> {
    let Summary { measured, median, low, high, .. } = *summary;
    let canvas = backend.into_drawing_area();
    canvas.fill(&WHITE)?;
    let answer = format!("{measured:.1} years; 95 % interval {low:.1} to {high:.1} years");
    canvas.draw(&Text::new("How long is the solar cycle?", (74, 22), font(28).color(&INK)))?;
    canvas.draw(&Text::new(answer, (74, 58), font(20).color(&INK)))?;
    canvas.draw(&Text::new(caption.to_owned(), (74, 84), font(15).color(&GREY)))?;

    let left = histogram.start - histogram.width;
    let right = histogram.start + (histogram.counts.len() + 1) as f64 * histogram.width;
    let top = histogram.tallest() as f64 * 1.05;
    let mut chart = ChartBuilder::on(&canvas)
        .margin_top(136) // the headings and the numbers stand there
        .margin_right(28)
        .margin_bottom(14)
        .margin_left(14)
        .x_label_area_size(52)
        .y_label_area_size(60)
        .build_cartesian_2d(left..right, 0.0..top)?;

    let shade = Rectangle::new([(low, 0.0), (high, top)], SHADE.filled());
    chart.draw_series([shade])?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GREY)
        .label_style(font(14).color(&INK))
        .axis_desc_style(font(15).color(&INK))
        .x_labels(16)
        .x_label_formatter(&|years| format!("{years:.1}").trim_end_matches(".0").to_owned())
        .y_label_formatter(&|count| format!("{count:.0}"))
        .x_desc("period of the strongest spectral peak (years)")
        .y_desc(format!("resamples in each {} years", histogram.width))
        .draw()?;

    let gap = histogram.width * 0.06;
    chart.draw_series(histogram.bins().map(|bin| {
        let inside = summary.contains((bin.years.start + bin.years.end) / 2.0);
        let corners = [(bin.years.start + gap, 0.0), (bin.years.end - gap, bin.count as f64)];
        Rectangle::new(corners, if inside { SUN.filled() } else { PALE.filled() })
    }))?;

    // The numbers stand above what they name, so the drawing needs no legend.
    chart.draw_series([PathElement::new([(median, 0.0), (median, top)], INK.stroke_width(2))])?;
    let marks =
        [(low, format!("{low:.2}")), (median, format!("median {median:.2}")), (high, format!("{high:.2}"))];
    chart.draw_series(marks.map(|(years, name)| {
        let style = font(15).color(&INK).pos(Pos::new(HPos::Center, VPos::Bottom));
        EmptyElement::at((years, top)) + Text::new(name, (0, -8), style)
    }))?;
    canvas.present()
}

fn font(size: u32) -> FontDesc<'static> {
    ("sans-serif", size).into_font()
}
