//! The ratios as bars.

use std::fmt::Write;

use super::turns::Row;

const COLORS: [&str; 10] = [
    "#d62728", "#ff7f0e", "#9467bd", "#1f77b4", "#2ca02c", "#bcbd22", "#7f7f7f", "#98df8a",
    "#c7c7c7", "#17becf",
];
const WIDTH: f64 = 960.0;
const LEFT: f64 = 160.0;
const BAR: f64 = 11.0;
const GAP: f64 = 14.0;
const TOP: f64 = 70.0;
/// Longer bars are cut.
const MOST: f64 = 4.0;

/// An SVG picture of groups of bars: a group for each kind of work, a bar for each server's processor time as
/// a multiple of its floor's.
pub fn svg(groups: &[(&str, Vec<Row>)]) -> String {
    let mut servers: Vec<&str> = Vec::new();
    for row in groups.iter().flat_map(|(_, rows)| rows).filter(shown) {
        if !servers.contains(&row.server) {
            servers.push(row.server);
        }
    }
    let x = |ratio: f64| LEFT + ratio.min(MOST) / MOST * (WIDTH - LEFT - 50.0);
    let (mut y, mut body) = (TOP, String::new());
    for (work, rows) in groups {
        let middle = y + BAR * rows.iter().filter(shown).count() as f64 / 2.0 + 4.0;
        text(&mut body, LEFT - 8.0, middle, "end", work);
        for row in rows.iter().filter(shown) {
            let ratio = row.ratio.map_or(0.0, |[median, ..]| median);
            let color = servers.iter().position(|server| *server == row.server);
            let color = COLORS[color.unwrap_or(0) % COLORS.len()];
            let (width, height) = (x(ratio) - LEFT, BAR - 1.0);
            let _ = writeln!(
                body,
                r#"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{height}" fill="{color}"/>"#
            );
            let value = format!("{ratio:.2}");
            text(&mut body, x(ratio) + 4.0, y + 9.0, "start", &value);
            y += BAR;
        }
        y += GAP;
    }
    let one = x(1.0);
    let line = format!(
        r##"<line x1="{one:.1}" x2="{one:.1}" y1="{TOP}" y2="{y}" stroke="#000" stroke-dasharray="3"/>"##
    );
    legend(&mut body, &servers);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="10">
<rect width="100%" height="100%" fill="#fff"/>
{line}
{body}</svg>
"##
    )
}

/// A floor is the line at 1.
fn shown(row: &&Row) -> bool {
    row.ratio.is_some() && row.server != row.floor
}

fn legend(body: &mut String, servers: &[&str]) {
    let title = "Processor time of the server for each request, as a multiple of a bare loop's (less is better)";
    text(body, 8.0, 16.0, "start", title);
    for (n, server) in servers.iter().enumerate() {
        let (x, y) = (8.0 + (n % 5) as f64 * 180.0, 28.0 + (n / 5) as f64 * 16.0);
        let color = COLORS[n % COLORS.len()];
        let _ = writeln!(
            body,
            r#"<rect x="{x}" y="{y}" width="10" height="10" fill="{color}"/>"#
        );
        text(body, x + 14.0, y + 9.0, "start", server);
    }
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        body,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
    );
}
