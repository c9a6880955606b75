package report

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"vanishfs/integration/bench/load"
)

// WriteTable prints a line for each row: the median on each system and its
// ratio to the row's base (of the time, also where a rate is shown). Rows in memory and
// rows about spilling are apart, since other systems take part in them.
func (r *Results) WriteTable(to io.Writer) error {
	fmt.Fprintf(to, "%s\nmedians of %d rounds; in brackets how many times as long as tmpfs (spill-*: as the disk)\n", r.Machine, r.Rounds)
	for _, kinds := range []load.Kind{load.Ordinary | load.Basic | load.Heavy, load.Beyond | load.Latency | load.LongTerm} {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row *Row) bool { return row.Kind&kinds == 0 })
		if err := writeRows(to, rows, r.columns(rows), (*Row).show); err != nil {
			return err
		}
	}
	if err := r.writeRequests(to); err != nil {
		return err
	}
	return r.writeNotes(to)
}

func writeRows(to io.Writer, rows []*Row, columns []System, show func(row *Row, system string) string) error {
	if len(rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nrow\tunit\t")
	for _, c := range columns {
		fmt.Fprint(w, c.Name, "\t")
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\t", row.Name, row.Unit)
		for _, c := range columns {
			fmt.Fprint(w, show(row, c.Name), "\t")
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// columns are the systems that took part in some of the rows.
func (r *Results) columns(rows []*Row) []System {
	return slices.DeleteFunc(slices.Clone(r.Systems), func(s System) bool {
		return !slices.ContainsFunc(rows, func(row *Row) bool { return row.Cells[s.Name] != nil })
	})
}

func (r *Row) show(system string) string {
	cell := r.Cells[system]
	switch {
	case cell == nil:
		return ""
	case cell.Missing != "":
		return "-"
	case cell.Ratio == 0 || system == r.Base:
		return r.Unit.Format(cell.Median)
	}
	return fmt.Sprintf("%s (%.2f)", r.Unit.Format(cell.Median), cell.Ratio)
}

// writeNotes says what the systems are and why a cell is empty.
func (r *Results) writeNotes(to io.Writer) error {
	fmt.Fprintln(to)
	for _, s := range r.Systems {
		switch {
		case s.Older && s.LeftOut == "":
		case s.LeftOut != "":
			fmt.Fprintf(to, "%s: left out: %s\n", s.Title, s.LeftOut)
		case s.Note != "":
			fmt.Fprintf(to, "%s: %s, %s\n", s.Name, s.Title, s.Note)
		default:
			fmt.Fprintf(to, "%s: %s\n", s.Name, s.Title)
		}
	}
	for _, row := range r.Rows {
		for _, s := range r.Systems {
			if cell := row.Cells[s.Name]; cell != nil && cell.Missing != "" {
				fmt.Fprintf(to, "no %s on %s: %s\n", row.Name, s.Name, cell.Missing)
			}
		}
	}
	return nil
}
