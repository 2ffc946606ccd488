"""Fit the polynomials of fastmlp/src/elementary.inc.h and print their coefficients.

Run ``python tools/fit_polynomials.py`` after changing a degree or an interval.  Each line
gives the largest relative error of the whole function before rounding; it should stay well
below half a unit in the last place (1.1e-16 for f64, 6.0e-8 for f32).
"""

import mpmath as mp

mp.mp.dps = 60


def fit(name, function, interval, degree, weight):
    """Print a Chebyshev fit of ``function``, constant term first.

    ``weight(x)`` turns the error of the fit into the relative error of the final result.
    """
    coefficients, _ = mp.chebyfit(function, interval, degree + 1, error=True)
    lo, hi = interval
    points = [lo + (hi - lo) * mp.mpf(i) / 997 for i in range(1, 997)]
    worst = max(abs((mp.polyval(coefficients, x) - function(x)) * weight(x)) for x in points if x)
    print(f"{name}: degree {degree}, relative error {mp.nstr(worst, 2)}")
    for c in reversed(coefficients):
        print(f"    {mp.nstr(c, 19)},")


def exp_tail(r):
    """(exp(r) - 1 - r) / r^2"""
    return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf(10) ** -25 else mp.mpf(1) / 2


def log_tail(q):
    """(atanh(s) / s - 1) / s^2 with q = s^2, so that log1p(f) = 2 s (1 + q tail), s = f / (2 + f)"""
    s = mp.sqrt(q)
    return (mp.atanh(s) / s - 1) / q if q > mp.mpf(10) ** -25 else mp.mpf(1) / 3


def mills(center):
    """t -> (1 + sqrt(2) x) Phi(-x) exp(x^2 / 2), with Phi the normal distribution, at x = center (1 + t) / (1 - t)

    The transformation of Shepherd & Laframboise 1981, Chebyshev approximation of (1 + 2x) exp(x^2) erfc(x).
    """

    def function(t):
        if t >= 1:
            return 1 / mp.sqrt(mp.pi)
        x = center * (1 + t) / (1 - t)
        return (1 + mp.sqrt(2) * x) * mp.erfc(x / mp.sqrt(2)) * mp.exp(x * x / 2) / 2

    return function


def main():
    half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
    s_max = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.0001")
    log_interval = [mp.mpf(0), s_max**2]
    one_binade = [mp.mpf("-0.001"), mp.log(2) * mp.mpf("1.001")]
    for dtype, exp_degree, log_degree, tanh_degree in (("f64", 9, 6, 10), ("f32", 4, 2, 5)):
        fit(f"exp {dtype}", exp_tail, [-half_ln2, half_ln2], exp_degree, lambda r: r**2 / mp.exp(r))
        fit(f"log {dtype}", log_tail, log_interval, log_degree, lambda q: q)
        fit(f"tanh {dtype}", exp_tail, one_binade, tanh_degree, lambda r: r**2 / mp.expm1(r))
    for dtype, center, degree in (("f64", mp.mpf("5.3"), 22), ("f32", mp.mpf(4), 10)):
        function = mills(center)
        fit(f"normal_cdf {dtype}", function, [-1, 1], degree, lambda t, f=function: 1 / f(t))


if __name__ == "__main__":
    main()
