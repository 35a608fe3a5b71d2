/* A logarithmic axis that fits what is drawn on it. gnuplot's own ends at whole decades, half
 * empty, and labels nothing between them. */
#include "io/io_internal.h"

#include <float.h>
#include <math.h>

/* Within half a decade a logarithmic axis is nearly even, and equal steps read best. */
static void even_ticks(reel__text *b, double low, double high) {
    double rough = (high - low) / 5, decade = pow(10, floor(log10(rough))), m = rough / decade;
    double step = (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10) * decade;
    const char *comma = "";
    for (double k = ceil(low / step); k * step <= high; k++, comma = ", ")
        reel__text_add(b, "%s'%.10g' %.10g", comma, k * step, k * step);
}

/* At some numbers of each decade, or of each few. */
static void decade_ticks(reel__text *b, double low, double high) {
    double first = floor(log10(low)), decades = log10(high) - log10(low);
    const char *digits = decades < 1.1 ? "12357" : decades < 3 ? "125" : "1", *comma = "";
    double every = ceil(decades / 9);
    for (double e = first; e <= first + decades + 1; e += every)
        for (const char *digit = digits; *digit != '\0'; digit++) {
            double v = (*digit - '0') * pow(10, e);
            if (v < low || v > high) continue;
            reel__text_add(b, "%s'%.10g' %.10g", comma, v, v);
            comma = ", ";
        }
}

void reel__plot_log_axis(reel__text *b, double low, double high) {
    double span = log10(high) - log10(low); /* high / low may be more than a double holds */
    double margin = pow(10, fmax(0.06 * span, 0.005)); /* of the height, above and below */
    low = fmax(low / margin, fmin(low, DBL_MIN));
    high = fmin(high * margin, DBL_MAX);
    reel__text_add(b, "set logscale y\nset yrange [%.10g:%.10g]\nset ytics (", low, high);
    if (span < 0.5)
        even_ticks(b, low, high);
    else
        decade_ticks(b, low, high);
    reel__text_add(b, ")\n");
}
