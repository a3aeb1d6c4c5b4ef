"""Scalar kernels in JavaScript, for pages that compute: those that take more than an expression.

Each is the source of a function with the values of the kernel of `numeric` that has its name.
JavaScript has IEEE 754's arithmetic and roots, bit by bit; its `Math` may differ from C's library
by a few units in the last place.
"""

from __future__ import annotations

REMAINDER = "(x,y)=>{let r=x%y;return r!=0&&r<0!=y<0?r+y:r}"
FLOOR_DIVIDE = (
    "(x,y)=>{if(y==0)return x/y;const r=x%y;let q=(x-r)/y;if(r!=0&&r<0!=y<0)q-=1;"
    "if(q==0)return x/y<0||1/(x/y)<0?-0:0;const w=Math.floor(q);return q-w>.5?w+1:w}"
)
# 1 to any power is 1, and so is -1 to an infinite one, where JavaScript has NaN.
POW = "(x,y)=>x==1||x==-1&&Math.abs(y)==1/0?1:x**y"
ROUND = "x=>{const r=Math.round(x);return r-x==.5&&r%2?r-1:r}"

# From FreeBSD's msun (s_erf.c, Copyright (C) 1993 by Sun Microsystems, Inc., freely given): ratios
# of polynomials on five ranges, lowest power first.
_ERF_AT_1 = "0.8450629115104675"
_NEAR_0 = (
    "[0.12837916709551256,-0.3250421072470015,-0.02848174957559851,-0.005770270296489442,"
    "-0.000023763016656650163]",
    "[1,0.39791722395915535,0.0650222499887673,0.005081306281875766,0.00013249473800432164,"
    "-0.000003960228278775368]",
)
_NEAR_1 = (
    "[-0.0023621185607526594,0.41485611868374833,-0.3722078760357013,0.31834661990116175,"
    "-0.11089469428239668,0.035478304325618236,-0.002166375594868791]",
    "[1,0.10642088040084423,0.540397917702171,0.07182865441419627,0.12617121980876164,"
    "0.01363708391202905,0.011984499846799107]",
)
_BELOW_3 = (
    "[-0.009864944034847148,-0.6938585727071818,-10.558626225323291,-62.375332450326006,"
    "-162.39666946257347,-184.60509290671104,-81.2874355063066,-9.814329344169145]",
    "[1,19.651271667439257,137.65775414351904,434.56587747522923,645.3872717332679,"
    "429.00814002756783,108.63500554177944,6.570249770319282,-0.0604244152148581]",
)
_ABOVE_3 = (
    "[-0.0098649429247001,-0.799283237680523,-17.757954917754752,-160.63638485582192,"
    "-637.5664433683896,-1025.0951316110772,-483.5191916086514]",
    "[1,30.33806074348246,325.7925129965739,1536.729586084437,3199.8582195085955,"
    "2553.0504064331644,474.52854120695537,-22.44095244658582]",
)
_RATIO = (
    "const R=(p,q,t)=>{const f=c=>c.reduceRight((s,a)=>s*t+a,0);return f(p)/f(q)},a=Math.abs(x);"
)
# The complement for a >= 1.25, with a high half of `a` whose square is exact.
_TAIL = (
    "const h=new Float64Array([a]);new Uint32Array(h.buffer)[0]=0;const z=h[0],s=1/(a*a),"
    f"e=Math.exp(-z*z-.5625)*Math.exp((z-a)*(z+a)+(a<1/.35?R({_BELOW_3[0]},{_BELOW_3[1]},s)"
    f":R({_ABOVE_3[0]},{_ABOVE_3[1]},s)))/a;"
)
ERF = (
    f"x=>{{if(x!=x)return x;{_RATIO}"
    f"if(a<.84375)return a<2**-28?x+.1283791670955126*x:x+x*R({_NEAR_0[0]},{_NEAR_0[1]},x*x);"
    f"if(a<1.25)return Math.sign(x)*({_ERF_AT_1}+R({_NEAR_1[0]},{_NEAR_1[1]},a-1));"
    f"if(a>=6)return Math.sign(x);{_TAIL}return Math.sign(x)*(1-e)}}"
)
ERFC = (
    f"x=>{{if(x!=x)return x;{_RATIO}if(a<.84375){{if(a<2**-56)return 1-x;"
    f"const y=R({_NEAR_0[0]},{_NEAR_0[1]},x*x);return x<.25?1-(x+x*y):.5-(x*y+(x-.5))}}"
    f"if(a<1.25){{const y=R({_NEAR_1[0]},{_NEAR_1[1]},a-1);"
    f"return x>0?1-{_ERF_AT_1}-y:1+({_ERF_AT_1}+y)}}"
    f"if(a>=28||x<-6)return x>0?0:2;{_TAIL}return x>0?e:2-e}}"
)
