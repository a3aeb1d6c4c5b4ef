"""Kernels in JavaScript of the gamma family, the inverse error function, and of whole numbers.

They compute as the kernels of `special` and `counting` that have their names, with the same
coefficients; `gamma` as CPython's `math.gamma`, by Lanczos's sum.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphcalc.ops.kernels import javascript, random, special
from graphcalc.ops.kernels.javascript import ERF, ERFC


def _list(coefficients: Iterable[float]) -> str:
    return f"[{','.join(map(repr, coefficients))}]"


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: str) -> str:
    top, bottom = map(_list, polynomials)
    return f"P({top},{x})/P({bottom},{x})"


# The value of a polynomial, highest power first.
_POLYNOMIAL = "const P=(c,x)=>c.reduce((s,a)=>s*x+a,0);"
_TO_TWO = (
    "const T=x=>{let s=0,o=1;if(x<=.9){s=-Math.log(x);o=0}let y=1+o-x;"
    f"if(x>=.7316+o)return s+(y*P({_list(special.BELOW_TWO)},y)-.5*y);"
    f"if(x>=.23164+o){{y=x-({special.MINIMUM_AT!r}-1+o);"
    f"const p=y*y*P({_list(special.AROUND_MINIMUM)},y);"
    f"return s+({special.MINIMUM!r}-({special.MINIMUM_REST!r}-p))}}"
    f"y=x-o;return s+(-.5*y+y*{_ratio(special.ABOVE_ONE, 'y')})}};"
)
_POSITIVE = (
    "const L=x=>{if(x<1e-20)return-Math.log(x);if(x==1||x==2)return 0;if(x<2)return T(x);"
    "if(x<8){const w=Math.floor(x),y=x-w;let p=1;for(let k=2;k<w;k++)p*=y+k;"
    f"return.5*y+y*{_ratio(special.ABOVE_TWO, 'y')}+Math.log(p)}}"
    "const t=Math.log(x),z=1/x;if(x>=2**58)return x*(t-1);"
    f"return(x-.5)*(t-1)+(.4189385332046727+z*P({_list(special.STIRLING)},z*z))}};"
)
LGAMMA = (
    f"x=>{{if(x-x!=0)return x*x;if(x<=0&&x==Math.floor(x))return 1/0;{_POLYNOMIAL}{_TO_TWO}"
    f"{_POSITIVE}return x>0?L(x):Math.log(Math.PI)"
    "-Math.log(Math.abs(Math.sin(Math.PI*(x-Math.round(x)))))-Math.log(-x)-L(-x)}"
)

# Lanczos's sum of CPython's mathmodule.c, with g = 6.02468004077673.
_LANCZOS = (
    (
        *(2.5066282746310002, 210.82427775157935, 8071.672002365816, 186056.26539522348),
        *(2876370.6289353725, 31426415.585400194, 248874557.86205417, 1439720407.3117216),
        *(6039542586.352028, 17921034426.037209, 35711959237.355667, 42919803642.6491),
        23531376880.41076,
    ),
    (
        *(1.0, 66.0, 1925.0, 32670.0, 357423.0, 2637558.0, 13339535.0, 45995730.0, 105258076.0),
        *(150917976.0, 120543840.0, 39916800.0, 0.0),
    ),
)
GAMMA = (
    "x=>{if(x!=x||x==1/0)return x;if(x==0)return 1/x;const a=Math.abs(x),w=x==Math.floor(x);"
    "if(w&&x<0)return NaN;if(w&&x<24){let p=1;for(let k=2;k<x;k++)p*=k;return p}"
    "if(a<1e-20)return 1/x;const r=a%2,n=Math.round(2*r),"
    "s=[y=>Math.sin(Math.PI*y),y=>Math.cos(Math.PI*(y-.5)),"
    "y=>Math.sin(Math.PI*(1-y)),y=>-Math.cos(Math.PI*(y-1.5)),y=>Math.sin(Math.PI*(y-2))][n](r);"
    f"if(a>200)return x<0?0/-s:1/0;{_POLYNOMIAL}"
    f"const[p,q]=[{_list(_LANCZOS[0])},{_list(_LANCZOS[1])}],"
    "S=a<5?P(p,a)/P(q,a):P(p.reverse(),1/a)/P(q.reverse(),1/a),H=5.524680040776729,y=a+H,"
    "z=(a>H?y-a-H:y-H-a)*6.02468004077673/y,O=a<140?1:2,W=y**((a-.5)/O);"
    "let v=x<0?-Math.PI/s/a*Math.exp(y)/S:S/Math.exp(y);v+=(x<0?-z:z)*v;"
    "for(let i=0;i<O;i++)v=x<0?v/W:v*W;return v}"
)
_DIGAMMA = (
    f"const N=x=>{{const d=x-{special.DIGAMMA_ROOT[0]!r}-{special.DIGAMMA_ROOT[1]!r};"
    f"return d+d*{_ratio(special.DIGAMMA_NEAR, '(x-1)')}}},"
    "D=x=>{if(x>3){const i=1/x,q=i*i;"
    f"return Math.log(x)-(.5*i+q*{_ratio(special.DIGAMMA_FAR, 'q')})}}"
    "if(x>=1)return N(x);if(x>0)return N(x+1)-1/x;if(x==0)return-1/x;"
    "if(x-x!=0||x==Math.floor(x))return NaN;const r=x-Math.round(x),b=Math.abs(r),"
    "c=b>.25?Math.sign(r)*Math.tan(Math.PI*(.5-b)):1/Math.tan(Math.PI*r);"
    "return D(1-x)-Math.PI*c};"
)
DIGAMMA = f"x=>{{{_POLYNOMIAL}{_DIGAMMA}return D(x)}}"
# The zeta function of Hurwitz by the Euler-Maclaurin formula, times n!.
POLYGAMMA = (
    f"n=>x=>{{{_POLYNOMIAL}{_DIGAMMA}if(n==0)return D(x);"
    "const F=k=>{let f=1;for(let i=2;i<=k;i++)f*=i;return f},"
    "Q=(k,x)=>{const h=x**((k+1)/2>>0);return k%2?F(k)/h/h:F(k)/h/h/x},"
    "Z=x=>{const c=x<10+n?10+Math.min(n,20):0,s=x+c;let r=.5*n/s,f=1;"
    f"{_list(special.BERNOULLI)}.forEach((b,j)=>{{f=f*((n+2*j)*(n+2*j+1))/(s*s);r+=b*f}});"
    "let t=(1+r)*Q(n-1,s);for(let k=c-1;k>=0;k--)t+=Q(n,x+k);return t},g=n%2?1:-1;"
    "if(x>0)return g*Z(x);if(x!=x||x==-1/0)return NaN;if(x==Math.floor(x))return g/0;"
    "const p=-x-Math.floor(-x);return g*(Z(1-p)+g*(Z(p)-Z(1-x)))}"
)
ERFINV = (
    "x=>{const a=Math.abs(x);if(!(a<1))return a==1?x/0:NaN;"
    f"{_POLYNOMIAL}const E={ERF},C={ERFC};let y;if(a<={2 * random.SPLIT!r})"
    f"{{const t={random.SPLIT_SQUARED!r}-.25*a*a;y=.5*a*{_ratio(random.CENTRAL, 't')}}}"
    "else{const r=Math.sqrt(-Math.log(.5*(1-a)));"
    f"y=r>{random.FAR!r}?{_ratio(random.TAIL, f'(r-{random.FAR!r})')}"
    f":{_ratio(random.MIDDLE, '(r-1.6)')}}}"
    "y*=Math.sqrt(.5);const s=(a<.5?E(y)-a:1-a-C(y))*(.5*Math.sqrt(Math.PI))*Math.exp(y*y);"
    "y-=s/(1+y*s);return x<0||1/x<0?-y:y}"
)


def _whole(body: str) -> str:
    """Return a function of whole numbers, NaN of others, from a body about `a` and `b`."""
    return (
        "(...x)=>{x=x.map(Number);if(!x.every(Number.isInteger))return NaN;"
        f"let[a,b]=x.map(BigInt);{body}}}"
    )


_EUCLID = "const p=a*b;while(b)[a,b]=[b,a%b];const g=a<0?-a:a;"
GCD = _whole(f"{_EUCLID}return Number(g)")
LCM = _whole(f"{_EUCLID}return g?Math.abs(Number(p/g)):0")
COMB = _whole(
    "if(a<0||b<0)return NaN;if(b>a)return 0;if(a-b<b)b=a-b;if(b>1029)return 1/0;"
    "let r=1n;for(let i=1n;i<=b;i++)r=r*(a-b+i)/i;return Number(r)"
)
PERM = _whole(
    "if(a<0||b<0)return NaN;if(b>a)return 0;if(b>170)return 1/0;"
    "let r=1n;for(let i=0n;i<b;i++)r*=a-i;return Number(r)"
)
FACTORIAL = _whole(
    "if(a<0)return NaN;if(a>170)return 1/0;let r=1n;for(;a>1n;a--)r*=a;return Number(r)"
)


def source_of(js: str) -> str:
    """Return the source of an op's function: what its row has, or the constant that this names."""
    if not js.isidentifier():
        return js
    found: str = getattr(javascript, js, None) or globals()[js]
    return found
